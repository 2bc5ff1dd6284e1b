"""Rank ranges: between which places a row may stand, given how few users were asked.

For a row, the range counts the rows that are surely better and surely worse: paired over users,
two-sided, Bonferroni over all comparisons of that row. It holds the row's true rank (that with
all users of the kind) with at least 95 %. After Mogstad, Romano, Shaikh & Wilhelm 2024, Inference
for Ranks, Review of Economic Studies 91 – their marginal confidence sets, with Bonferroni
instead of a bootstrap of the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from harness.statistics import VERDICT_USERS, Array, mean_rows
from harness.statistics.panel import ratio, sums_by_user

ALPHA = 0.05
CELLS = 1 << 22
"""Pairs of rows that are compared at once."""


def leave_one_out(each: Sequence[float | None], users: Sequence[int]) -> Array:
    """The mean over examples without each user in turn [U]; users by number."""
    sums = sums_by_user(mean_rows(each), [str(user) for user in users])
    sums = sums[sums[:, 1] > 0]
    return ratio(sums.sum(axis=0) - sums)


def rank_ranges(values: Array, without: Array) -> tuple[Array, Array]:
    """Best and worst rank of every row [N], 1 is the highest value.

    NaN where there is nothing to tell: for a row alone, and below 20 users.

    values [N] on all users; without [N, U] without each user in turn, the same users for all.
    The standard error of a difference is the jackknife's over users, its scale Student's t.
    """
    rows, users = without.shape
    if rows == 1 or users < VERDICT_USERS:
        return np.full(rows, np.nan), np.full(rows, np.nan)
    critical = student.ppf(1 - ALPHA / (2 * (rows - 1)), users - 1)
    spread = (without - without.mean(axis=1, keepdims=True)).astype(np.float32)
    spread *= np.float32(critical * np.sqrt((users - 1) / users))
    own = np.einsum("nu,nu->n", spread, spread)
    better, worse = np.zeros(rows), np.zeros(rows)
    part = max(1, CELLS // rows)
    for start in range(0, rows, part):
        # a part against itself and all after it; what it says of those is the same, turned round
        here, onward = slice(start, start + part), slice(start, None)
        after = slice(start + part, None)
        # (critical · error)² of every difference; rounding can leave a hair below 0
        error = spread[here] @ spread[onward].T
        error *= np.float32(-2)
        error += (np.float32(1 + 1e-5) * own)[here, None]
        error += (np.float32(1 + 1e-5) * own)[None, onward]
        # in float64, so that a row far off takes no digits from the others
        difference = (values[None, onward] - values[here, None]).astype(np.float32)
        difference *= np.abs(difference)
        above = difference > error
        np.negative(difference, out=difference)
        below = difference > error
        better[here] += np.count_nonzero(above, axis=1)
        worse[here] += np.count_nonzero(below, axis=1)
        worse[after] += np.count_nonzero(above[:, part:], axis=0)
        better[after] += np.count_nonzero(below[:, part:], axis=0)
    return 1 + better, rows - worse
