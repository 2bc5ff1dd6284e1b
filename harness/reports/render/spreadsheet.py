"""A table as CSV: numbers at full precision."""

from __future__ import annotations

import csv
import io
import re

from harness.reports.render.numbers import NONE
from harness.reports.render.table import Table, cell_of

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Starts of text that a spreadsheet would compute or skip."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def to_csv(table: Table) -> str:
    """The table as CSV. Intervals take two more columns, significance letters one.

    Text that a spreadsheet would compute gets a leading apostrophe.
    """
    table = table.ungrouped()
    rows = [list(map(cell_of, row)) for row in table.rows]
    by_column = [[row[place] for row in rows] for place in range(len(table.columns))]
    wide = [any(cell.low is not None for cell in cells) for cells in by_column]
    lettered = [any(cell.letters for cell in cells) for cells in by_column]
    lines: list[list[object]] = [
        [
            inert(f"{column.head}{part}")
            for column, ends, letters in zip(table.columns, wide, lettered, strict=True)
            for part in ("", *((" low", " high") if ends else ()), *((" letters",) * letters))
        ]
    ]
    for values, row in zip(table.rows, rows, strict=True):
        fields: list[object] = []
        for value, cell, ends, letters in zip(values, row, wide, lettered, strict=True):
            fields.append(_words(value) if isinstance(value, str) else cell.value)
            fields += [cell.low, cell.high] if ends else []
            fields += [cell.letters] if letters else []
        lines.append(fields)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


def _words(text: str) -> str:
    return "" if text == NONE else inert(text)


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula; numbers are unchanged."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
