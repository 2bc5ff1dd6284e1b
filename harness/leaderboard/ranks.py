"""Rank ranges: the ranks that are plausible for a row, given the number of test users.

A row's range counts the rows that are significantly better and significantly worse: paired over
users, two-sided, Bonferroni over all comparisons of that row. It contains the row's true rank
(with infinitely many such users) with at least 95 % confidence. After Mogstad, Romano, Shaikh &
Wilhelm 2024, Inference for Ranks, Review of Economic Studies 91: their marginal confidence sets,
with Bonferroni instead of a bootstrap of the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    return _ranges(values, _jackknife(without), users - 1)


@dataclass(frozen=True)
class Mean:
    """A row's mean over training seeds.

    draw: the test set; rows of one draw share its users.
    value: the mean. without: leaving out each user in turn [U].
    each: the value of each training seed; one value if the method does not train.
    """

    draw: int
    value: float
    without: Array
    each: Sequence[float]


def mean_ranges(means: Sequence[Mean]) -> tuple[Array, Array]:
    """Best and worst rank of every mean over training seeds: [N] each; 1 is the highest value.

    The standard error of a difference holds the users' part, paired where both rows have the same
    users, and both rows' training, whose variance is pooled over all rows. Returns NaN for a single
    row and with fewer than 20 users.
    """
    rows = len(means)
    if rows < 2 or any(len(mean.without) < VERDICT_USERS for mean in means):
        return np.full(rows, np.nan), np.full(rows, np.nan)
    # 1. Training: one variance for all rows
    freedom = sum(len(mean.each) - 1 for mean in means)
    squares = sum(np.var(mean.each) * len(mean.each) for mean in means)
    variance = squares / freedom if freedom else 0.0
    training = [np.sqrt(variance / len(mean.each)) if len(mean.each) > 1 else 0.0 for mean in means]
    # 2. Spreads whose squared distances are squared errors: a block of columns for each draw, and
    # a column of its own for each row's training.
    blocks = [np.diag(training)]
    for draw in dict.fromkeys(mean.draw for mean in means):
        own = [index for index, mean in enumerate(means) if mean.draw == draw]
        spread = _jackknife(np.stack([means[index].without for index in own]))
        blocks.append(np.zeros((rows, spread.shape[1])))
        blocks[-1][own] = spread
    users = min(len(mean.without) for mean in means) - 1
    values = np.array([mean.value for mean in means])
    return _ranges(values, np.hstack(blocks), min(users, freedom or users))


def _jackknife(without: Array) -> Array:
    """[N,U] → [N,U] whose squared distances of rows are the squared errors of differences."""
    users = without.shape[1]
    centred = without - without.mean(axis=1, keepdims=True)
    return np.asarray(centred * np.sqrt((users - 1) / users))


def _ranges(values: Array, errors: Array, freedom: int) -> tuple[Array, Array]:
    """Best and worst rank [N] each.

    values: [N]. errors: [N,K], whose squared distances are the squared errors of differences.
    freedom: degrees of freedom of Student's t.
    """
    rows = len(values)
    # 1. Scale: the squared distance of two rows is (critical · error)².
    critical = student.ppf(1 - ALPHA / (2 * (rows - 1)), freedom)
    spread = (errors * critical).astype(np.float32)
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
