"""Intervals, paired tests and corrections. Users are resampled: texts of one user are dependent.

Independent of metrics: a `Statistic` turns summed rows into a number, a `Panel` names their users.
"""

from harness.statistics.comparison import (
    About,
    Comparison,
    Interval,
    compare,
    difference,
    interval,
    judge,
)
from harness.statistics.effects import METHOD_SEEDS, Effect
from harness.statistics.length import at_equal_length
from harness.statistics.panel import (
    MEAN,
    PERCENT_MEAN,
    RATIO,
    VERDICT_USERS,
    Array,
    Panel,
    Statistic,
    mean_rows,
    resampling_rng,
    with_weight,
)
from harness.statistics.preferences import Preference, preference
from harness.statistics.sample_size import SampleSize, sample_size
from harness.statistics.users import student

__all__ = [
    "MEAN",
    "METHOD_SEEDS",
    "PERCENT_MEAN",
    "RATIO",
    "VERDICT_USERS",
    "About",
    "Array",
    "Comparison",
    "Effect",
    "Interval",
    "Panel",
    "Preference",
    "SampleSize",
    "Statistic",
    "at_equal_length",
    "compare",
    "difference",
    "interval",
    "judge",
    "mean_rows",
    "preference",
    "resampling_rng",
    "sample_size",
    "student",
    "with_weight",
]
