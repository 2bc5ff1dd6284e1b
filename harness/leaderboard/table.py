"""The data of the page's table: boards, columns, and every row's numbers and ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.leaderboard.board import Board
from harness.leaderboard.columns import FIRST_SHOWN, FURTHER, BoardColumn, rounded, score_column
from harness.leaderboard.ranks import leave_one_out, rank_ranges
from harness.leaderboard.schema import Submission
from harness.leaderboard.verification import Verification
from harness.leaderboard.visible import visible
from harness.statistics import Array

UNCHECKED = "unchecked"
STATUSES = {
    "rerun": "Verified; and when a maintainer reran the method on a test set drawn from a new"
    " seed, it reached its claim.",
    "verified": "A maintainer scored its texts again and obtained the numbers shown.",
    "self-reported": "The submitter's own numbers: the texts may not be published, or the data"
    " was not available. Ranked only on boards of numbers.",
    "not reproduced": "Its texts give the numbers shown, but when a maintainer reran the method on"
    " a test set drawn from a new seed, it fell short of its claim. Not ranked.",
    UNCHECKED: "The files in their present state have not been verified. Not ranked.",
}


@dataclass(frozen=True)
class Entry:
    """A row on the page; verification: None if its present files have not been verified."""

    row: Submission
    verification: Verification | None

    @property
    def status(self) -> str:
        return self.verification.status if self.verification else UNCHECKED


def ranked(board: Board, entry: Entry) -> bool:
    """True if the row is ranked; on a board with texts, only verified rows are.

    So no row loses a rank to a number that its texts do not give.
    """
    return entry.status in ("rerun", "verified" if board.texts else "self-reported")


def table(boards: Sequence[tuple[Board, Sequence[Entry]]], per_file: int) -> dict[str, Any]:
    """The data that sorting, filtering and the columns need; details are in other files.

    boards: each board with its rows. per_file: rows whose details share a file.
    """
    metrics = list(dict.fromkeys(name for board, _ in boards for name in board.metrics))
    scores = [score_column(name) for name in metrics]
    further = [column for column, _ in FURTHER]
    entries = [(index, entry) for index, (_, rows) in enumerate(boards) for entry in rows]
    values: dict[str, dict[str, list[Any]]] = {}
    for column in scores:
        found = [entry.row.metrics.get(column.key) for _, entry in entries]
        values[column.key] = _columns([rounded(one, column.digits) for one in found])
        ends = [_ranks(board, rows, column.key) for board, rows in boards]
        values[column.key]["best"] = [rank for best, _ in ends for rank in best]
        values[column.key]["worst"] = [rank for _, worst in ends for rank in worst]
    for column, read in FURTHER:
        numbers = [rounded(read(entry.row), column.digits) for _, entry in entries]
        values[column.key] = _columns(numbers)
    statuses = list(STATUSES)
    return {
        "boards": [_described(board, len(rows)) for board, rows in boards],
        "columns": [*(_shown(one, boards).described() for one in scores),
                    *(one.described() for one in further)],
        "statuses": [{"name": name, "meaning": meaning} for name, meaning in STATUSES.items()],
        "perFile": per_file,
        "rows": {
            "id": [entry.row.id for _, entry in entries],
            "name": [visible(entry.row.name) for _, entry in entries],
            "by": [visible(entry.row.by) for _, entry in entries],
            "method": [entry.row.method for _, entry in entries],
            "backbone": [visible(entry.row.backbone.name) for _, entry in entries],
            "board": [index for index, _ in entries],
            "status": [statuses.index(entry.status) for _, entry in entries],
            "values": values,
        },
    }  # fmt: skip


def _columns(rows: Sequence[tuple[float | None, ...]]) -> dict[str, list[Any]]:
    """v, low and high as columns; only v if no row has an interval."""
    v, low, high = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return {"v": v, "low": low, "high": high} if any(end is not None for end in low) else {"v": v}


def _shown(column: BoardColumn, boards: Sequence[tuple[Board, Sequence[Entry]]]) -> BoardColumn:
    first = column.key in FIRST_SHOWN or any(b.ranked_by == column.key for b, _ in boards)
    return replace(column, shown=first)


def _described(board: Board, rows: int) -> dict[str, Any]:
    return {
        **board.test.model_dump(),
        "texts": board.texts,
        "data": board.data,
        "rankedBy": board.ranked_by,
        "metrics": dict(board.metrics),
        "rows": rows,
    }


def _ranks(
    board: Board, entries: Sequence[Entry], metric: str
) -> tuple[list[int | None], list[int | None]]:
    """Best and worst rank of every row on one metric; None for rows that are not ranked."""
    best: list[int | None] = [None] * len(entries)
    worst: list[int | None] = [None] * len(entries)
    compared = _comparable(board, entries, metric)
    if not compared or score_column(metric).better != "higher":
        return best, worst
    values = np.array(
        [entries[index].row.metrics[metric].value for index in compared], dtype=np.float64
    )
    without = np.stack([_without(entries[index].row, metric) for index in compared])
    ends = rank_ranges(values, without)
    for index, low, high in zip(compared, *ends, strict=True):
        if not np.isnan(low):
            best[index], worst[index] = int(low), int(high)
    return best, worst


def _comparable(board: Board, entries: Sequence[Entry], metric: str) -> list[int]:
    """Indices of ranked rows with a score for every example, on the most common examples."""
    if metric not in board.metrics:
        return []
    found = [
        index
        for index, entry in enumerate(entries)
        if ranked(board, entry) and None not in entry.row.examples.scores[metric]
    ]
    keys = [
        hash((entries[index].row.examples.ids, entries[index].row.examples.users))
        for index in found
    ]
    if not keys:
        return []
    common = Counter(keys).most_common(1)[0][0]
    return [index for index, key in zip(found, keys, strict=True) if key == common]


def _without(row: Submission, metric: str) -> Array:
    if metric in row.examples.left_out:
        return np.array(row.examples.left_out[metric], dtype=np.float64)
    return leave_one_out(row.examples.scores[metric], row.examples.users)
