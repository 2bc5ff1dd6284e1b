"""Holm's correction for many comparisons, and the smallest detectable difference."""

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
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def jackknife_error(sums: Array, statistic: Value) -> float | None:
    """Jackknife standard error of `statistic` over users [U,K]; None below two users."""
    users = len(sums)
    if users < 2:
        return None
    without = statistic(sums.sum(axis=0) - sums)
    return float(np.sqrt((users - 1) / users * ((without - without.mean()) ** 2).sum()))


def smallest_detectable(
    error: float, power: float = 0.8, alpha: float = 0.05, freedom: float = inf
) -> float:
    """The true difference that a two-sided test at `alpha` detects with probability `power`.

    error: standard error of the difference.
    power, alpha: of the test.
    freedom: degrees of freedom of the error.

    (t at 1 − alpha/2 + t at power) · error: 2.80 errors by default.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, power)) * error
