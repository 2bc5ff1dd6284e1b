"""One number from several training seeds, and how it was made.

Where records keep the examples' values, seeds and users are resampled together, as in every
comparison. Elsewhere a record has an interval only: then the mean is shown with the span of the
seeds' intervals, from the lowest end to the highest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean

from harness.record import Estimate, ends_of
from harness.reports.compared.measures import Measure, rows_of
from harness.reports.render.document import listed
from harness.reports.runs.systems import Board, System
from harness.statistics import interval

RESAMPLED, SPANNED = "resampled", "spanned"


@dataclass(frozen=True, kw_only=True)
class Pooled(Estimate):
    """One number of all training seeds; `seeds`: how their intervals came in, None with one."""

    seeds: str | None = None


def over_seeds(
    board: Board, system: System, found: Sequence[Estimate], measure: Measure | None
) -> Pooled:
    """One estimate a seed, in the order of the system's runs → one.

    measure: the examples' values that the estimate is made of. It serves where it gives every
    record's own number again; else, and where it is None, the seeds' intervals are spanned.
    """
    if len(found) == 1 or measure is None or not _gives(measure, board, system, found):
        return spanned(found)
    one = interval(measure.statistic, rows_of(measure, board, system), board.panel)
    return Pooled(value=one.value, low=one.low, high=one.high, seeds=RESAMPLED)


def spanned(found: Sequence[Estimate]) -> Pooled:
    """The mean of one estimate a seed, from the lowest to the highest end of their intervals."""
    if len(found) == 1:
        return Pooled(**ends_of(found[0]))
    value = [one.value for one in found if one.value is not None]
    low = [one.low for one in found if one.low is not None]
    high = [one.high for one in found if one.high is not None]
    return Pooled(
        value=fmean(value) if value else None,
        low=min(low) if low else None,
        high=max(high) if high else None,
        seeds=SPANNED,
    )


def interval_words(estimates: Iterable[Pooled]) -> str:
    """What the intervals of these are over: users, and how seeds came in."""
    ways = {one.seeds for one in estimates if one.value is not None}
    if ways <= {None}:
        return "users"
    if SPANNED not in ways:
        return "users and training seeds"
    span = "users, from the lowest to the highest end of the seeds' intervals"
    if RESAMPLED not in ways:
        return f"{span} (records keep no value of each example here)"
    return listed(
        ["users and training seeds", f"where records keep no value of each example {span}"]
    )


def _gives(measure: Measure, board: Board, system: System, found: Sequence[Estimate]) -> bool:
    """Whether the examples' values add up to each record's number."""
    by_seed = rows_of(measure, board, system)
    if not by_seed.any(axis=(1, 2)).all():  # a seed's record keeps none
        return False
    values = measure.statistic.value(by_seed.sum(axis=1))
    return all(
        one.value is not None and isclose(own, one.value, rel_tol=1e-6, abs_tol=1e-9)
        for own, one in zip(values, found, strict=True)
    )
