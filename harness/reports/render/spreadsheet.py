"""A table as CSV: numbers at full precision."""

from __future__ import annotations

import csv
import io
import re

from harness.reports.render.numbers import NONE
from harness.reports.render.table import Cell, Table, Value

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What text begins with that a spreadsheet computes, or reads past."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def to_csv(table: Table) -> str:
    """A column with intervals has two more, for their ends; one with letters another.

    Text that a spreadsheet would compute has an apostrophe in front.
    """
    table = table.ungrouped()
    rows = [[_cell(value) for value in row] for row in table.rows]
    wide = [any(cell.low is not None for cell in cells) for cells in zip(*rows, strict=True)]
    marked = [any(cell.letters for cell in cells) for cells in zip(*rows, strict=True)]
    lines: list[list[object]] = [
        [
            _inert(f"{column.head}{part}")
            for column, ends, shared in zip(table.columns, wide, marked, strict=True)
            for part in ("", *((" low", " high") if ends else ()), *((" letters",) * shared))
        ]
    ]
    for values, row in zip(table.rows, rows, strict=True):
        fields: list[object] = []
        for value, cell, ends, shared in zip(values, row, wide, marked, strict=True):
            fields.append(_words(value) if isinstance(value, str) else cell.value)
            fields += [cell.low, cell.high] if ends else []
            fields += [cell.letters] if shared else []
        lines.append(fields)
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()


def _cell(value: Value) -> Cell:
    if isinstance(value, Cell):
        return value
    return Cell() if isinstance(value, str) else Cell(value)


def _words(text: str) -> str:
    return "" if text == NONE else _inert(text)


def _inert(text: str) -> str:
    """Text that is no formula; a number stays one."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
