"""A board's table as CSV: every row and floor, with ranks by rerun or by the first metric."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from harness.leaderboard.board import Board
from harness.leaderboard.floors_of_boards import Floor
from harness.leaderboard.page_data import (
    Entry,
    mean_of,
    ranks_on,
    reported_columns,
    rerun_columns,
    rerun_ranks,
    score_column,
)
from harness.leaderboard.submission import Value
from harness.record.visible import visible
from harness.reports.render import table
from harness.reports.render.spreadsheet import to_csv
from harness.reports.render.table import Cell, Column, Table

WORDS = tuple(map(Column, ("id", "name", "by", "method", "backbone", "kind", "status")))
RANKS = (Column("best rank", kind="number"), Column("worst rank", kind="number"))


def csv_of(board: Board, entries: Sequence[Entry], floors: Sequence[Floor]) -> str:
    """The table of one board; floors have a name, a kind and numbers."""
    scores = [score_column(name, [(board, entries)]) for name in board.metrics]
    reruns, reported = rerun_columns([(board, entries)]), reported_columns()
    ranks = rerun_ranks(board, entries) if reruns else ranks_on(board, entries, scores[0])
    rows: list[tuple[table.Value, ...]] = [
        (
            *(row.id, visible(row.name), visible(row.by), row.method, visible(row.backbone.name)),
            *(row.kind, entry.status, *ranks.get(index, (None, None))),
            *(_cell(row.metrics.get(column.key)) for column in scores),
            *(_cell(mean_of(entry.rerun)) for _ in reruns),
            *(_cell(attrgetter(column.path)(row)) for column in reported),
        )
        for index, entry in enumerate(entries)
        for row in [entry.row]
    ]
    rows += [
        (
            *(floor.name, floor.meaning, "", floor.name, "", "floor", "", None, None),
            *(_cell(floor.values.get(column.key)) for column in scores),
            *[None] * len((*reruns, *reported)),
        )
        for floor in floors
    ]
    return to_csv(Table("", "", (*WORDS, *RANKS, *scores, *reruns, *reported), tuple(rows)))


def _cell(value: Value | float | None) -> table.Value:
    return Cell.of(value) if isinstance(value, Value) else value
