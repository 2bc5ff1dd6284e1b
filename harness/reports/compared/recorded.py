"""A record's likelihood and lift beside its examples' values; `measures` checks its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.record import Record
from harness.reports.compared.measures import DRIFT, NLL, Measure, from_examples, refuse_other
from harness.reports.compared.parts import LIKELIHOOD, TEXTS, lift_measure
from harness.reports.runs.systems import Board


def refuse_edited(boards: Iterable[Board]) -> None:
    """Raise DataError for the first record whose likelihood or lift its examples do not give.

    Records without these values by example, as older ones, are not checked.
    """
    for board in boards:
        for record in board.records:
            for measure, reported in _numbers(record):
                refuse_other(measure.name, from_examples(measure, record), reported, record)


def _numbers(record: Record) -> Iterator[tuple[Measure, float | None]]:
    """(measure, recorded value) of likelihood, its drift, and every lift."""
    if record.likelihood:
        yield NLL, record.likelihood.value
        yield DRIFT, record.likelihood.drift.value
    for view in (LIKELIHOOD, TEXTS):
        for kind, gains in view.of(record).items():
            for name, pair in gains.items():
                yield lift_measure(view, kind, name), pair.own_other.value
                yield lift_measure(view, "empty", name), pair.own_empty.value
