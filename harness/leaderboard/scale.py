"""Checks that a row's numbers are on their scales, since boards of numbers cannot be rescored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.leaderboard.schema import Submission, Value
from harness.metrics import metric_class
from harness.metrics.base import OF_A_HUNDRED
from harness.registry import table

ROUNDING = 1e-6
"""Allowed excess over 100, for the rounding of a corpus metric."""
NATS = 1000.0
"""A negative log-likelihood per slice token that no model reaches."""


def off_scale(row: Submission) -> Iterator[str]:
    """Messages for built-in metrics outside 0 to 100 and likelihoods outside 0 to `NATS`.

    Other metrics have their own scales and are not checked.
    """
    for name, metric in row.metrics.items():
        if name not in table("metric") or metric_class(name).unit not in OF_A_HUNDRED:
            continue
        each = row.examples.scores.get(name, ())
        without = row.examples.left_out.get(name, ())
        yield from _beyond(name, (metric, *row.slices.get(name, ())), (*each, *without), 100)
    likelihood = (row.likelihood,) if row.likelihood else ()
    yield from _beyond("likelihood", (*likelihood, *row.likelihood_slices), (), NATS)


def _beyond(
    name: str, rows: Sequence[Value], further: Sequence[float | None], most: float
) -> Iterator[str]:
    """A message on the first number outside 0 to `most`.

    name: for the message. rows: values with intervals. further: plain values.
    """
    ends = (end for row in rows for end in (row.value, row.low, row.high))
    for number in (*ends, *further):
        if number is not None and not 0 <= number <= most + ROUNDING:
            yield f"{name}: found {number}; expected 0 to {most:g}"
            return
