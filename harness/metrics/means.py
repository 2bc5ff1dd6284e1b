"""One rule for every metric that is a mean: the corpus value is the mean over the examples."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from harness.types import Score

NOTHING = "nothing to average: no example was scored"


def mean_score(each: Iterable[float | None], signature: str, missing: str = NOTHING) -> Score:
    """A Score whose value is the mean of `each`; None entries are left out of the mean.

    With no entry left the value is None and `missing` says why.
    """
    values = tuple(each)
    counted = [value for value in values if value is not None]
    if not counted:
        return Score(None, values, signature, missing=missing)
    return Score(fmean(counted), values, signature)
