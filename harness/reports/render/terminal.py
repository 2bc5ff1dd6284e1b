"""A table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from harness.reports.render.table import Table

KEPT, LEAST = 24, 8
"""Characters of the first column that a narrow terminal does not break; of any column, if a number
would be broken otherwise."""
SHORT = 10
"""Characters of a field that is not broken if it has a number."""
GAP, SIDES = 3, 2
"""Characters between two columns, and at both sides of a table."""


def print_table(console: Console, table: Table, lines: bool = False) -> None:
    """Print the columns that fit a terminal. lines: draw rules between rows.

    The best value of a column is bold; less important rows and columns are dim. If no column has a
    title, there is no head.
    """
    table = table.narrow().ungrouped()
    shown = table.shown()
    if table.title:  # not the grid's own title, which wraps at the grid's width
        console.print(Text(table.title, style="italic"), soft_wrap=True)
    grid = Grid(
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_lines=lines,
        show_header=any(column.head for column in table.columns),
    )
    cells = [
        (column.head, *(str(row[index]) for row in shown))
        for index, column in enumerate(table.columns)
    ]
    widths = _widths(cells, console.width)
    for column, width in zip(table.columns, widths, strict=True):
        grid.add_column(
            Text(column.head),
            justify="right" if column.numeric else "left",
            style="dim" if column.kind == "note" else None,
            overflow="fold",
            width=width,
        )
    for index, row in enumerate(shown):
        grid.add_row(
            *(Text(str(field), style="bold" if field.best else "") for field in row),
            style="dim" if index in table.faint else None,
        )
    needed = sum(widths) + SIDES + GAP * (len(widths) - 1)
    if needed > console.width:
        grid.width = needed
    console.print(grid, crop=False)


def _widths(cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """Width of each column, given its head and fields. The widest give way to the others.

    Words are broken only if they do not fit whole. More than `room` together if not even the short
    fields with numbers fit: nothing is cut off.
    """
    widths = [max(map(len, column)) for column in cells]
    room -= SIDES + GAP * (len(widths) - 1)
    broken = [max(map(_number, column)) for column in cells]
    whole = [max(map(max, map(_number, column), map(_longest_word, column))) for column in cells]
    whole[0], broken[0] = min(KEPT, widths[0]), min(LEAST, widths[0])
    for least in (whole, broken):
        while sum(widths) > room:
            wide = [at for at, width in enumerate(widths) if width > least[at]]
            if not wide:
                break
            widths[max(wide, key=lambda at: widths[at])] -= 1
    return widths


def _longest_word(field: str) -> int:
    return max(map(len, field.split()), default=0)


def _number(field: str) -> int:
    """Characters that are never broken: a short field with a number, and its unit."""
    short = len(field) <= SHORT and any(letter.isdigit() for letter in field)
    return len(field) if short else min(len(field), LEAST)
