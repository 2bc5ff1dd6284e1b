"""A record's views beside its examples' values; `measures` checks its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from harness.metrics import is_known
from harness.metrics.text_quality import TEXT_QUALITY
from harness.record import Curve, Estimate, Record
from harness.reports.compared.measures import DRIFT, NLL, Rows, from_examples, refuse_other
from harness.reports.compared.parts import (
    LIKELIHOOD,
    RANKS,
    TEXTS,
    NllOf,
    continuation_at,
    continuation_slope,
    lift_measure,
    nll_at,
    nll_over_all,
    nll_slope,
    own_nll,
    quality_of,
    relative_nll,
)
from harness.reports.runs.systems import Board

Number = tuple[str, Rows, Estimate]
"""Name of a number, what the examples make of it, and what is recorded."""


def refuse_edited(boards: Iterable[Board]) -> None:
    """Raise DataError for the first record with a number that its examples do not give.

    Records without the values by example, as older ones, are not checked, nor is what no record has
    by example (slices of whole texts, the ratio of lengths, thought replacement), nor a number
    without an interval: the examples' values need not give it, as in older records where one of
    several samples has none.
    """
    for board in boards:
        for record in board.records:
            for name, rows, reported in _numbers(record):
                if reported.low is not None:
                    refuse_other(name, from_examples(rows, record), reported.value, record)


def _numbers(record: Record) -> Iterator[Number]:
    """Every number of a view that has values by example."""
    # 1. Along the text.
    own = record.likelihood
    curves: tuple[tuple[str, str, Curve | None, NllOf], ...] = (
        (NLL.name, DRIFT.name, own, own_nll),
        ("relative nll", "relative nll_drift", own and own.relative, relative_nll),
    )
    for name, drift, curve, read in curves:
        if curve:
            yield name, nll_over_all(read), curve
            yield drift, nll_slope(read), curve.drift
            yield from _slices(name, curve, partial(nll_at, read=read))
    for metric, forced in (record.forced.metrics if record.forced else {}).items():
        if not is_known(metric):  # how its values make a number is not known here
            continue
        name = f"continuation {metric}"
        yield f"{name} drift", continuation_slope(metric, record.slice_starts), forced.drift
        yield from _slices(name, forced, partial(continuation_at, metric))
    # 2. Of whole texts.
    for view in (LIKELIHOOD, TEXTS):
        for kind, gains in view.of(record).items():
            for name, pair in gains.items():
                for of, reported in ((kind, pair.own_other), ("empty", pair.own_empty)):
                    lift = lift_measure(view, of, name)
                    yield lift.name, lift, reported
    for rank in RANKS:
        if found := rank.recorded(record):
            yield f"author {rank.score} by {rank.features}", rank.rows, found
    for name in (one.name for one in TEXT_QUALITY if one.mean):
        if quality := record.quality.get(name):
            yield name, quality_of(name), quality


def _slices(name: str, curve: Curve, at: Callable[[int], Rows]) -> Iterator[Number]:
    for index, one in enumerate(curve.slices):
        yield f"{name} {one.slice}", at(index), one
