"""A table on a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from harness.reports.render.table import Table

KEPT = 24
"""Characters of the first column that a narrow terminal does not break."""


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
    for index, column in enumerate(table.columns):
        longest = max((len(str(row[index])) for row in shown), default=0)
        grid.add_column(
            Text(column.head),
            justify="right" if column.numeric else "left",
            style="dim" if column.kind == "note" else None,
            overflow="fold",
            min_width=min(KEPT, longest) if index == 0 else None,
        )
    for index, row in enumerate(shown):
        grid.add_row(
            *(Text(str(field), style="bold" if field.best else "") for field in row),
            style="dim" if index in table.faint else None,
        )
    console.print(grid)
