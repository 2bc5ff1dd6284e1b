"""Rank ranges: the ranks that are plausible for a row, given the number of test users.

A row's range counts the rows that are significantly better and significantly worse: paired over
users, two-sided, Bonferroni over all comparisons of that row. It contains the row's true rank
(with infinitely many such users) with at least 95 % confidence. After Mogstad, Romano, Shaikh &
Wilhelm 2024, Inference for Ranks, Review of Economic Studies 91: their marginal confidence sets,
with Bonferroni instead of a bootstrap of the maximum.
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
    """The mean over examples, leaving out each user in turn: [U], in order of user number."""
    sums = sums_by_user(mean_rows(each), [str(user) for user in users])
    sums = sums[sums[:, 1] > 0]
    return ratio(sums.sum(axis=0) - sums)


def rank_ranges(values: Array, without: Array) -> tuple[Array, Array]:
    """Best and worst rank of every row: [N] each; 1 is the highest value.

    values: [N], on all users. without: [N,U], leaving out each user in turn; all rows have the same
    users. A difference's standard error is the jackknife's over users, its critical value Student's
    t. Returns NaN for a single row and with fewer than 20 users.
    """
    rows, users = without.shape
    if rows == 1 or users < VERDICT_USERS:
        return np.full(rows, np.nan), np.full(rows, np.nan)
    # 1. Scale the jackknife values: the squared distance of two rows is (critical · error)².
    critical = student.ppf(1 - ALPHA / (2 * (rows - 1)), users - 1)
    spread = (without - without.mean(axis=1, keepdims=True)).astype(np.float32)
    spread *= np.float32(critical * np.sqrt((users - 1) / users))
    own = np.einsum("nu,nu->n", spread, spread)
    # 2. Compare rows block by block, to bound memory.
    better, worse = np.zeros(rows), np.zeros(rows)
    part = max(1, CELLS // rows)
    for start in range(0, rows, part):
        # a block against itself and all later rows; their results mirror the block's
        here, onward = slice(start, start + part), slice(start, None)
        after = slice(start + part, None)
        # (critical · error)² of every difference; 1e-5 keeps rounding from going below 0
        error = spread[here] @ spread[onward].T
        error *= np.float32(-2)
        error += (np.float32(1 + 1e-5) * own)[here, None]
        error += (np.float32(1 + 1e-5) * own)[None, onward]
        # subtract in float64, so that an outlying row costs the others no precision
        difference = (values[None, onward] - values[here, None]).astype(np.float32)
        difference *= np.abs(difference)
        above = difference > error
        np.negative(difference, out=difference)
        below = difference > error
        # 3. Count: rows above are better; later rows get the mirrored counts.
        better[here] += np.count_nonzero(above, axis=1)
        worse[here] += np.count_nonzero(below, axis=1)
        worse[after] += np.count_nonzero(above[:, part:], axis=0)
        better[after] += np.count_nonzero(below[:, part:], axis=0)
    return 1 + better, rows - worse
