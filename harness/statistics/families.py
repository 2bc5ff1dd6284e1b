"""Many comparisons at once, and how small a difference this many users could have shown."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from harness.statistics.panel import Array, Value


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given. Holm 1979.

    Raises ValueError for a p-value outside 0–1.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise ValueError(f"p-value {p_value!r}; expected a number from 0 to 1")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


def jackknife_error(sums: Array, statistic: Value) -> float | None:
    """Standard error of `statistic` of the summed users [U,K]; None below two users."""
    users = len(sums)
    if users < 2:
        return None
    without = statistic(sums.sum(axis=0) - sums)
    return float(np.sqrt((users - 1) / users * ((without - without.mean()) ** 2).sum()))


def smallest_detectable(
    error: float, power: float = 0.8, alpha: float = 0.05, freedom: float = inf
) -> float:
    """The true difference that a two-sided test at `alpha` would show with `power`.

    (t of 1 − alpha/2 + t of power) · the standard error of the difference, with so many degrees of
    freedom: 2.80 errors by default.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, power)) * error
