"""Intervals, paired tests and corrections. Users are resampled: texts of one user are dependent.

Independent of metrics: a `Statistic` turns summed rows into a number, a `Panel` names their users.
"""

from harness.statistics.comparison import About, Comparison, Interval, compare, interval, judge
from harness.statistics.effects import METHOD_SEEDS
from harness.statistics.length import at_equal_length
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
    "METHOD_SEEDS",
    "PERCENT_MEAN",
    "RATIO",
    "RESAMPLES",
    "VERDICT_USERS",
    "About",
    "Array",
    "Comparison",
    "Interval",
    "Panel",
    "Statistic",
    "at_equal_length",
    "compare",
    "interval",
    "judge",
    "mean_rows",
    "resampling_rng",
]
