"""One number from several training seeds, and how it was made.

Where records keep the examples' values, seeds and users are resampled together, as in every
comparison. Elsewhere a record has an interval only: then the mean is shown with the span of the
seeds' intervals, from the lowest end to the highest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isclose
from statistics import fmean
from typing import Any

from harness.reports.compared.measures import Measure, rows_of
from harness.reports.render.document import listed
from harness.reports.runs.systems import Board, System
from harness.statistics import interval

Estimate = Mapping[str, Any]
"""value, low, high, and whatever else a record says of a number."""
RESAMPLED, SPANNED = "resampled", "spanned"


def over_seeds(
    board: Board, system: System, found: Sequence[Estimate], measure: Measure | None
) -> dict[str, Any]:
    """One estimate a seed, in the order of the system's runs → one; `seeds`: how, None with one.

    measure: the examples' values that the estimate is made of. It serves where it gives every
    record's own number again; else, and where it is None, the seeds' intervals are spanned.
    """
    if len(found) == 1:
        return {**found[0], "seeds": None}
    if measure is None or not _gives(measure, board, system, found):
        return spanned(found)
    one = interval(measure.statistic, rows_of(measure, board, system), board.panel)
    return {**found[0], "value": one.value, "low": one.low, "high": one.high, "seeds": RESAMPLED}


def spanned(found: Sequence[Estimate]) -> dict[str, Any]:
    """The mean of one estimate a seed, from the lowest to the highest end of their intervals."""
    parts = {
        key: [one[key] for one in found if one.get(key) is not None]
        for key in ("value", "low", "high")
    }
    value, low, high = (parts[key] for key in ("value", "low", "high"))
    return {
        **found[0],
        "value": fmean(value) if value else None,
        "low": min(low) if low else None,
        "high": max(high) if high else None,
        "seeds": SPANNED if len(found) > 1 else None,
    }


def interval_words(estimates: Iterable[Estimate]) -> str:
    """What the intervals of these are over: users, and how seeds came in."""
    ways = {one.get("seeds") for one in estimates if one.get("value") is not None}
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
        one.get("value") is not None and isclose(own, one["value"], rel_tol=1e-6, abs_tol=1e-9)
        for own, one in zip(values, found, strict=True)
    )
