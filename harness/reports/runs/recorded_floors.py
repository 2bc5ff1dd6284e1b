"""The floors that belong to a run: recorded beside it, on the same examples, scored alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.data.floors import SKYLINE
from harness.errors import DataError
from harness.metrics import better_of
from harness.metrics.signatures import of_each_sample
from harness.record import RECORD, Record, read_record
from harness.reports.runs.metric_files import same_files

PATTERNS = (f"floor-*/*/{RECORD}", f"{SKYLINE}/*/{RECORD}")
"""Where floors lie below a task's results."""
NO_FLOORS = "`harness run` and `harness score --name` record them with eval.floors=true"


def meaning(floor: Record) -> str:
    """What a floor's texts are."""
    return floor.command.removeprefix("(computed from the data: ").removesuffix(")")


def best_words(floor: Record) -> str:
    """Names the best floor in a caption."""
    return f"the best floor, {floor.method} ({meaning(floor)})"


def floors_beside(folder: Path, record: Record) -> list[Record]:
    """The floors of a run's test examples, in the order of their names; [] if there are none.

    folder: the run's, `results/<task>/<method>/<run_id>`.
    record: the run's; see `fits`.
    """
    results = folder.parent.parent
    paths = [path for pattern in PATTERNS for path in sorted(results.glob(pattern))]
    return floors_of(paths, record)


def floors_of(paths: Iterable[Path], record: Record) -> list[Record]:
    """Of the floors at `paths`, those that fit a run, one for each name."""
    found: dict[str, Record] = {}
    for path in paths:
        try:
            floor = read_record(path)
        except DataError:  # damaged: `run` makes it again
            continue
        if floor.kind == "floor" and fits(floor, record):
            found.setdefault(floor.method, floor)
    return list(found.values())


def fits(floor: Record, record: Record) -> bool:
    """Whether a floor has the run's test examples, and shared metrics score each text alike.

    A floor that other files of a plugin metric scored does not fit.
    """
    shared = set(floor.metrics) & set(record.metrics)
    return (
        floor.data.test.fingerprint == record.data.test.fingerprint
        and set(floor.examples) == set(record.examples)
        and bool(shared)
        and all(_signature(floor, key) == _signature(record, key) for key in shared)
        and all(same_files(floor, record, key) for key in shared)
    )


def _signature(record: Record, name: str) -> str:
    return of_each_sample(record.metrics[name].signature)


def to_beat(floors: Iterable[Record]) -> list[Record]:
    """The floors without the skyline, which shows what is possible."""
    return [floor for floor in floors if floor.method != SKYLINE]


def best_floor(floors: Iterable[Record], name: str) -> Record | None:
    """The floor that scores best on a metric, the first of equals; None if none has a value."""
    known = [
        (value if better_of(name) == "higher" else -value, floor)
        for floor in to_beat(floors)
        if name in floor.metrics and (value := floor.metrics[name].value) is not None
    ]
    return max(known, key=lambda each: each[0])[1] if known else None


def won_by_floors(tops: Mapping[str, float | None], floors: Sequence[Record]) -> dict[str, Record]:
    """Metric under which a floor scores at least as well as every text → the best such floor.

    tops: metric → the best value of the texts that the floors are compared with.
    floors: of the same examples.
    """
    best = {name: floor for name in tops if (floor := best_floor(floors, name))}
    return {name: floor for name, floor in best.items() if _wins(floor, name, tops[name])}


def _wins(floor: Record, name: str, top: float | None) -> bool:
    """Whether a floor's value is as good as `top`, or better."""
    value = floor.metrics[name].value
    if value is None or top is None:
        return False
    return value >= top if better_of(name) == "higher" else value <= top
