"""Numbers that cannot be true, found without texts: off their scale, or contradictory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from harness.leaderboard.submission import Submission, Value
from harness.metrics import is_mean, metric_class
from harness.metrics.base import OF_A_HUNDRED
from harness.registry import table

TOLERANCE = 0.01
"""Largest allowed difference between a claimed and a recomputed number, in points (values, interval
ends, values per example). The data's fingerprint seeds the intervals' draws, so the only sources of
difference are rounding to four decimals and other versions of numpy."""
ROUNDING = 1e-6
"""Allowed excess over 100 and over the ends of an interval, for rounding."""
NATS = 1000.0
"""A negative log-likelihood per slice token that no model reaches."""
OF_EXAMPLES = ("empty", "capped", "input_cut")
"""Counts of test examples; an example with several texts counts once."""


def off_scale(row: Submission) -> Iterator[str]:
    """Messages for built-in metrics outside 0 to 100 and likelihoods outside 0 to `NATS`.

    Other metrics have their own scales and are not checked, nor is a single text of a metric that
    is no mean: scoring accepts it there.
    """
    for name, metric in row.metrics.items():
        if name not in table("metric") or metric_class(name).unit not in OF_A_HUNDRED:
            continue
        each = row.examples.scores.get(name, ()) if is_mean(name) else ()
        without = row.examples.left_out.get(name, ())
        yield from _beyond(name, (metric, *row.slices.get(name, ())), (*each, *without), 100)
    likelihood = (row.likelihood,) if row.likelihood else ()
    yield from _beyond("likelihood", (*likelihood, *row.likelihood_slices), (), NATS)


def contradictions(row: Submission) -> Iterator[str]:
    """Messages on values outside their interval or off their examples' mean, and on counts."""
    for name, found in _with_intervals(row):
        if found.value is None or found.low is None or found.high is None:
            continue
        if not found.low - ROUNDING <= found.value <= found.high + ROUNDING:
            yield f"{name}: {found.low} ≤ {found.value} ≤ {found.high} does not hold"
    for name, metric in row.metrics.items():
        each = [value for value in row.examples.scores.get(name, ()) if value is not None]
        if metric.value is None or not each or not is_mean(name):
            continue
        if abs(fmean(each) - metric.value) > TOLERANCE:
            yield f"{name} is {metric.value:.4f}, its examples' mean {fmean(each):.4f}"
    if row.n.failed:
        yield f"n.failed is {row.n.failed}; expected a complete run without failures"
    for name in OF_EXAMPLES:
        if (count := getattr(row.n, name)) > row.n.planned:
            yield f"n.{name} is {count}; at most n.planned, {row.n.planned}, is possible"


def _with_intervals(row: Submission) -> Iterator[tuple[str, Value]]:
    """(name, value) of every number with an interval."""
    yield from row.metrics.items()
    if row.likelihood:
        yield "likelihood", row.likelihood
    for name, curve in {**row.slices, "likelihood": row.likelihood_slices}.items():
        yield from ((f"{name} from {part.start} on", part) for part in curve)


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
