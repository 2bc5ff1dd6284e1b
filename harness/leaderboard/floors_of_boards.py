"""The floors of a board: what texts made from its data alone score, for data that is built in."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import DataError
from harness.leaderboard.board import Board
from harness.leaderboard.submission import Value
from harness.leaderboard.verify_rows import load_test
from harness.metrics.signatures import of_each_sample
from harness.paths import cache_dir
from harness.reports.runs.recorded_floors import meaning
from harness.settings import RunSettings

FLOORS = "floors"
"""Folder in the harness's cache for their records, which are named by data and signatures."""


@dataclass(frozen=True)
class Floor:
    """A floor on a board. values: metric → its value, where each text is scored as on the board."""

    name: str
    meaning: str
    values: dict[str, Value]


def floors_of(board: Board) -> list[Floor]:
    """Every floor of the board's test set; [] if this version cannot rebuild its data."""
    if not board.source.built_in:
        return []
    try:
        test = load_test(board)
    except DataError:  # another version of the built-in data
        return []
    assert test is not None
    from harness.pipeline.scored import record_floors

    scoring = board.scoring().model_copy(update={"authors": False})
    settings = RunSettings(task=board.test.task, data=board.data_settings(), eval=scoring)
    records = [floor.record for floor in record_floors(settings, test, cache_dir() / FLOORS)]
    return [
        Floor(
            record.method,
            meaning(record),
            {
                name: Value.of(record.metrics[name])
                for name, signature in board.metrics.items()
                if name in record.metrics
                and record.metrics[name].signature == of_each_sample(signature)
            },
        )
        for record in records
    ]
