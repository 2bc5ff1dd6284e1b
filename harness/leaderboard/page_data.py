"""The data of the page's table: boards, columns, and every row's numbers and ranks."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from operator import attrgetter
from pathlib import Path

import numpy as np

from harness.leaderboard.board import Board
from harness.leaderboard.floors_of_boards import Floor
from harness.leaderboard.ranks import Mean, leave_one_out, mean_ranges, rank_ranges
from harness.leaderboard.submission import Submission, Value
from harness.leaderboard.verification import Rerun, Verification
from harness.metrics import known_better, metric_class
from harness.metrics.base import OWN
from harness.record.reading import from_json
from harness.record.trials import Trial
from harness.record.visible import visible
from harness.registry import table as registered
from harness.reports.render.table import Column, Kind
from harness.reports.trial.marks import failed_metrics, mark_note
from harness.statistics import Array

UNCHECKED = "unchecked"
"""Status of a row whose files, as they are now, have not been verified."""
FIRST_SHOWN = ("bleu", "rougeL", "meteor")
"""Metrics shown by default, with those that boards are ranked by."""
RERUN = "rerun"
"""Key of the column of means over a rerun's training seeds."""


@dataclass(frozen=True, kw_only=True)
class BoardColumn(Column):
    """A column of the page. templates/columns.json lists those that are not metrics.

    key: its name. meaning: explains it. shown: by default.
    path: the attribute of a submission that it shows, for numbers that the run reported.
    source: whose number it is.
    """

    title: str
    kind: Kind = "number"
    key: str
    meaning: str
    path: str = ""
    source: str = "as reported by the run"
    shown: bool = False


@dataclass(frozen=True)
class Entry:
    """A row on the page; verification: None if its present files have not been verified."""

    folder: Path
    row: Submission
    verification: Verification | None

    @property
    def status(self) -> str:
        return self.verification.status if self.verification else UNCHECKED

    @property
    def rerun(self) -> Rerun | None:
        """The rerun by whose mean the row is ranked, if it was reproduced."""
        found = self.verification.rerun if self.verification else None
        return found if self.status == "rerun" and found and found.without else None


Boards = Sequence[tuple[Board, Sequence[Entry]]]
"""Each board with its rows."""


def ranked(board: Board, entry: Entry) -> bool:
    """True if the row is ranked; on a board with texts, only verified rows are.

    So no row loses a rank to a number that its texts do not give.
    """
    return entry.status in ("rerun", "verified" if board.texts else "self-reported")


def table(
    boards: Boards,
    per_file: int,
    floors: Sequence[Sequence[Floor]] = (),
    trials: Sequence[Trial] = (),
) -> dict[str, object]:
    """The data that sorting, filtering and the columns need; details are in other files.

    boards: each board with its rows.
    per_file: rows whose details share a file.
    floors: those of each board.
    trials: stored trials of metrics, on any data.
    """
    entries = [(index, entry) for index, (_, rows) in enumerate(boards) for entry in rows]
    rows = [entry.row for _, entry in entries]
    names = dict.fromkeys(name for board, _ in boards for name in board.metrics)
    scores = [score_column(name, boards) for name in names]
    reruns, reported = rerun_columns(boards), reported_columns()
    values = (
        {
            column.key: _numbers([row.metrics.get(column.key) for row in rows], column.digits)
            | _by_board(boards, partial(ranks_on, column=column))
            for column in scores
        }
        | {
            column.key: _numbers([mean_of(entry.rerun) for _, entry in entries], 2)
            | _by_board(boards, rerun_ranks)
            for column in reruns
        }
        | {
            column.key: _numbers([attrgetter(column.path)(row) for row in rows], column.digits)
            for column in reported
        }
    )
    statuses = from_json(dict[str, str], _packaged("statuses.json"), "statuses.json")
    return {
        "boards": [_described(board, own, trials) for board, own in boards],
        "columns": [dataclasses.asdict(column) for column in (*scores, *reruns, *reported)],
        "statuses": [{"name": name, "meaning": meaning} for name, meaning in statuses.items()],
        "perFile": per_file,
        "floors": [
            _floor(index, floor, scores) for index, own in enumerate(floors) for floor in own
        ],
        "rows": {
            "id": [row.id for row in rows],
            "name": [visible(row.name) for row in rows],
            "by": [visible(row.by) for row in rows],
            "method": [row.method for row in rows],
            "backbone": [visible(row.backbone.name) for row in rows],
            "board": [index for index, _ in entries],
            "status": [list(statuses).index(entry.status) for _, entry in entries],
            "scored": [row.kind == "scored" for row in rows],
            "values": values,
        },
    }


def _floor(index: int, floor: Floor, columns: Sequence[BoardColumn]) -> dict[str, object]:
    """A floor of board `index`, with the same numbers as a row."""
    values = {
        one.key: _numbers([floor.values[one.key]], one.digits)
        for one in columns
        if one.key in floor.values
    }
    return {"board": index, "name": floor.name, "meaning": floor.meaning, "values": values}


def score_column(name: str, boards: Boards) -> BoardColumn:
    """A metric's column; one not installed here has its own name and unit, and no direction."""
    known = metric_class(name) if name in registered("metric") else None
    return BoardColumn(
        key=name,
        title=(known and known.title) or name,
        unit=known.unit if known else OWN,
        meaning=(known.__doc__ or "").partition("\n")[0] if known else OWN,
        digits=known.digits if known else 2,
        better=known_better(name),
        source="scored again by verify",
        shown=name in FIRST_SHOWN or any(board.ranked_by == name for board, _ in boards),
    )


def reported_columns() -> tuple[BoardColumn, ...]:
    """The columns of numbers that a run reported."""
    return from_json(tuple[BoardColumn, ...], _packaged("columns.json"), "columns.json")


def rerun_columns(boards: Boards) -> tuple[BoardColumn, ...]:
    """The column of means over a rerun's training seeds, where a row has one."""
    metrics = {entry.rerun.metric for _, entries in boards for entry in entries if entry.rerun}
    if not metrics:
        return ()
    titles = " or ".join(score_column(name, boards).title for name in sorted(metrics))
    directions = {known_better(name) for name in metrics}
    return (
        BoardColumn(
            key=RERUN,
            title="Rerun",
            meaning=f"{titles}: mean over training seeds on a benchmark drawn after the submission",
            source="run again by a maintainer",
            digits=2,
            better=directions.pop() if len(directions) == 1 else None,
            shown=True,
        ),
    )


def mean_of(rerun: Rerun | None) -> Value | None:
    """The mean over a rerun's training seeds, with its interval; None without a rerun."""
    return Value(value=rerun.found, low=rerun.low, high=rerun.high) if rerun else None


def _packaged(name: str) -> str:
    return (files("harness.leaderboard") / "templates" / name).read_text(encoding="utf-8")


def _described(
    board: Board, entries: Sequence[Entry], trials: Sequence[Trial]
) -> dict[str, object]:
    by = RERUN if any(entry.rerun for entry in entries) else board.ranked_by
    rules = {"texts": board.texts, "data": board.data, "rankedBy": by, "rows": len(entries)}
    failed = failed_metrics(trials, board.test.fingerprint, board.metrics)
    return {
        **board.test.model_dump(),
        **rules,
        "metrics": dict(board.metrics),
        "failed": {name: mark_note(one) for name, one in failed.items()},
    }


def _numbers(values: Sequence[Value | float | None], digits: int) -> dict[str, list[float | None]]:
    """v, low and high as columns, rounded; only v if no row has an interval."""
    ends = {
        "v": [value.value if isinstance(value, Value) else value for value in values],
        "low": [value.low if isinstance(value, Value) else None for value in values],
        "high": [value.high if isinstance(value, Value) else None for value in values],
    }
    return {
        name: [None if end is None else round(end, digits) for end in column]
        for name, column in ends.items()
        if name == "v" or any(low is not None for low in ends["low"])
    }


Ranks = dict[int, tuple[int, int]]
"""Index of a row on its board → its best and worst rank; rows without ranks are left out."""


def _by_board(
    boards: Boards, ranks_of: Callable[[Board, Sequence[Entry]], Ranks]
) -> dict[str, list[int | None]]:
    """Best and worst rank of every row; None for rows that are not ranked."""
    ends: list[tuple[int | None, int | None]] = []
    for board, entries in boards:
        ranks = ranks_of(board, entries)
        ends += [ranks.get(index, (None, None)) for index in range(len(entries))]
    return {"best": [best for best, _ in ends], "worst": [worst for _, worst in ends]}


def rerun_ranks(board: Board, entries: Sequence[Entry]) -> Ranks:
    """Ranks by the means of reruns, where higher is better."""
    compared = entries if known_better(board.ranked_by) == "higher" else ()
    means = {
        index: Mean(found.seed, found.found, np.array(found.without), found.each)
        for index, entry in enumerate(compared)
        if (found := entry.rerun) is not None and found.metric == board.ranked_by
    }
    return _found(list(means), mean_ranges(list(means.values()))) if means else {}


def _found(rows: Sequence[int], ends: tuple[Array, Array]) -> Ranks:
    """Ranks of these rows, where there are any."""
    return {
        index: (int(best), int(worst))
        for index, best, worst in zip(rows, *ends, strict=True)
        if not np.isnan(best)
    }


def ranks_on(board: Board, entries: Sequence[Entry], column: BoardColumn) -> Ranks:
    """Ranks of checkpoints by a metric of known direction; each kind is ranked apart."""
    found: Ranks = {}
    comparable = _comparable(board, entries, column.key) if column.better else []
    sign = -1.0 if column.better == "lower" else 1.0  # the highest is ranked first
    for kind in ("run", "scored"):
        compared = [index for index in comparable if entries[index].row.kind == kind]
        if not compared:
            continue
        rows = [entries[index].row for index in compared]
        values = np.array([row.metrics[column.key].value for row in rows], dtype=np.float64)
        without = np.stack([_without(row, column.key) for row in rows])
        found |= _found(compared, rank_ranges(sign * values, sign * without))
    return found


def _comparable(board: Board, entries: Sequence[Entry], metric: str) -> list[int]:
    """Indices of ranked rows with a score for every example, on the most common examples."""
    if metric not in board.metrics:
        return []
    found = {
        index: hash((entry.row.examples.ids, entry.row.examples.users))
        for index, entry in enumerate(entries)
        if ranked(board, entry) and None not in entry.row.examples.scores[metric]
    }
    common = Counter(found.values()).most_common(1)
    return [index for index, key in found.items() if key == common[0][0]]


def _without(row: Submission, metric: str) -> Array:
    if metric in row.examples.left_out:
        return np.array(row.examples.left_out[metric], dtype=np.float64)
    return leave_one_out(row.examples.scores[metric], row.examples.users)
