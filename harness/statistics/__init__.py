"""Intervals, paired tests and corrections. Users are resampled: texts of one user are dependent.

Independent of metrics: a `Statistic` turns summed rows into a number, a `Panel` names their users.
"""

from harness.statistics.bootstrap import Interval
from harness.statistics.comparison import Comparison, compare, interval, judge
from harness.statistics.panel import (
    MEAN,
    PERCENT_MEAN,
    RATIO,
    RESAMPLES,
    VERDICT_USERS,
    Array,
    Panel,
    Statistic,
    mean_rows,
    resampling_rng,
)

__all__ = [
    "MEAN",
    "PERCENT_MEAN",
    "RATIO",
    "RESAMPLES",
    "VERDICT_USERS",
    "Array",
    "Comparison",
    "Interval",
    "Panel",
    "Statistic",
    "compare",
    "interval",
    "judge",
    "mean_rows",
    "resampling_rng",
]
