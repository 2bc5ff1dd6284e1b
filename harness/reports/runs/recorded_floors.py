"""The floors that belong to a run: recorded beside it, on the same examples, scored alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.data.floors import SKYLINE
from harness.metrics import better_of
from harness.record import RECORD, Record, read_record

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
    record: the run's; a floor fits if it has the same examples and signatures.
    """
    results = folder.parent.parent
    paths = [path for pattern in PATTERNS for path in sorted(results.glob(pattern))]
    return floors_of(paths, record)


def floors_of(paths: Iterable[Path], record: Record) -> list[Record]:
    """Of the floors at `paths`, those that fit a run, one for each name."""
    found: dict[str, Record] = {}
    for path in paths:
        floor = read_record(path)
        if floor.kind == "floor" and fits(floor, record):
            found.setdefault(floor.method, floor)
    return list(found.values())


def fits(floor: Record, record: Record) -> bool:
    """Whether a floor has the run's test examples, and the same signature of each shared metric."""
    shared = set(floor.metrics) & set(record.metrics)
    return (
        floor.data.test.fingerprint == record.data.test.fingerprint
        and set(floor.examples) == set(record.examples)
        and bool(shared)
        and all(floor.metrics[key].signature == record.metrics[key].signature for key in shared)
    )


def to_beat(floors: Iterable[Record]) -> list[Record]:
    """The floors without the skyline, which shows what is possible."""
    return [floor for floor in floors if floor.method != SKYLINE]


def won_by_floors(record: Record, floors: Iterable[Record]) -> dict[str, Record]:
    """Metric under which a floor scores at least as well as the run → the best such floor."""
    found: dict[str, Record] = {}
    for floor in to_beat(floors):
        for name in record.metrics:
            best = _signed(found.get(name, record), name)
            own = _signed(floor, name)
            if best is not None and own is not None and own >= best:
                found[name] = floor
    return found


def _signed(record: Record, name: str) -> float | None:
    """A metric's value, negative where lower is better."""
    value = record.metrics[name].value if name in record.metrics else None
    return value if value is None or better_of(name) == "higher" else -value
