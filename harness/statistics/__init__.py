"""How sure a number is: users are resampled, because the texts of one user belong together.

Knows no metric: a `Statistic` turns summed rows into a number, a `Panel` says whose rows they are.
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
