"""How sure a number is: users are resampled, because the texts of one user belong together."""

from harness.metrics.statistics.bootstrap import Interval, bca, studentized
from harness.metrics.statistics.comparison import (
    Comparison,
    compare_bleu,
    compare_means,
    with_holm,
)
from harness.metrics.statistics.families import holm, jackknife_error, smallest_detectable
from harness.metrics.statistics.randomisation import PairedTest, paired_test
from harness.metrics.statistics.seeds import hierarchical, hierarchical_difference, welch
from harness.metrics.statistics.users import (
    VERDICT_USERS,
    mean_of,
    mean_sums,
    resampling_rng,
    sums_by_user,
)

__all__ = [
    "VERDICT_USERS",
    "Comparison",
    "Interval",
    "PairedTest",
    "bca",
    "compare_bleu",
    "compare_means",
    "hierarchical",
    "hierarchical_difference",
    "holm",
    "jackknife_error",
    "mean_of",
    "mean_sums",
    "paired_test",
    "resampling_rng",
    "smallest_detectable",
    "studentized",
    "sums_by_user",
    "welch",
    "with_holm",
]
