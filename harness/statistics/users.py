"""The error of an estimate from its users: a variance, and quantiles of the studentized error.

Users are what is sampled: examples of one user are dependent. Everything is computed from each
user's influence on the estimate, so means and corpus metrics are treated alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from harness.statistics.panel import BOOTSTRAP_USERS, Array, Counts, Value, with_weight

DIFFERING_USERS = 6
"""Where over half of the users tie, an interval needs this many others."""
STEP = 1e-5
"""Step of numeric derivatives, relative to the sum of a column's absolute values."""
CHUNK = 1 << 21
"""Numbers held at once while resampling."""


@runtime_checkable
class HasSlopes(Protocol):
    """A statistic that computes its derivatives itself, as one of many columns should."""

    def slopes(self, sums: Array) -> Array:
        """The derivative by each column [..., K] at the sums [..., K]."""
        ...


@dataclass(frozen=True)
class UsersError:
    """The error from users.

    variance: jackknife variance of the estimate.
    freedom: its degrees of freedom: 3·(Σz²)²/Σz⁴ − 1 for influences z, at most users − 1.
    roots: sorted errors of bootstrap draws, each over its own standard error; None: Student's t.
    """

    variance: float
    freedom: float
    roots: Array | None = None

    def root(self, level: float) -> float:
        """The quantile of error / standard error."""
        if self.roots is None:
            return student(level, self.freedom)
        return float(np.quantile(self.roots, level))


def student(level: float, freedom: float) -> float:
    """Student's t quantile."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level))


def pseudo_values(statistic: Value, sums: Array) -> Array:
    """Jackknife pseudo-values [S,U] of every seed and user; sums [S,U,K]. Tukey 1958.

    Their variance over users, over U, is the jackknife variance of a seed's value.
    """
    total = sums.sum(axis=1, keepdims=True)
    users = sums.shape[1]
    return np.asarray(users * statistic(total) - (users - 1) * statistic(total - sums))


def tied(sides: Sequence[Array], statistic: Value) -> int:
    """The size of the largest group of users with the same value.

    sides: sums [S,U,K] of one system or two; with two, the value is the difference. A user's value
        is the mean over the seeds in which it has weight.
    """
    values = [_over_seeds(statistic, sums) for sums in sides]
    each = values[0] if len(values) == 1 else values[0] - values[1]
    return int(np.unique(np.round(each, 9) + 0.0, return_counts=True)[1].max())


def _over_seeds(statistic: Value, sums: Array) -> Array:
    """Each user's mean [U] over the seeds in which it has weight; sums [S,U,K]."""
    known = with_weight(sums)
    total = np.where(known, statistic(sums), 0.0).sum(axis=0)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def users_error(
    statistic: Value,
    sides: Sequence[Array],
    scores: Sequence[Array],
    draws: Counts,
) -> UsersError:
    """The error of one system's value, or of first − second, from its users.

    statistic: summed rows [..., K] → [...].
    sides: sums [S,U,K] of one system or two.
    scores: their pseudo-values [S,U].
    draws: how often each user is drawn [R,U], from `Panel.draws`.

    The studentized error has bootstrap quantiles (bootstrap-t); Student's t where over half of the
    users tie, as a few users that differ give draws that say little, and below `BOOTSTRAP_USERS`.
    """
    # 1. the influence of each user: the mean over seeds, first − second
    means = [each.mean(axis=0) for each in scores]
    influence = means[0] if len(means) == 1 else means[0] - means[1]
    users = len(influence)
    variance = float(influence.var(ddof=1)) / users
    # 2. degrees of freedom: fewer where a few users make up the variance
    squares = (influence - influence.mean()) ** 2
    if float(squares.max()) <= (1e-9 * max(1.0, abs(float(influence.mean())))) ** 2:
        return UsersError(0.0, users - 1)  # rounding error only
    freedom = 3 * float(squares.sum()) ** 2 / float((squares**2).sum()) - 1
    freedom = min(max(freedom, 1.0), users - 1)
    # 3. Student's t, or the bootstrap
    if users < BOOTSTRAP_USERS:
        return UsersError(variance, users - 1)
    if 2 * tied(sides, statistic) > users:
        return UsersError(variance, freedom)
    roots = np.concatenate(list(_roots(statistic, sides, draws)))
    return UsersError(variance, freedom, np.sort(roots))


def _roots(statistic: Value, sides: Sequence[Array], draws: Counts) -> Iterator[Array]:
    """(drawn estimate − estimate) / its linearised standard error, for draws of users."""
    users = sides[0].shape[1]
    signs = (1.0, -1.0)[: len(sides)]
    part = max(1, CHUNK // users)
    for start in range(0, len(draws), part):
        counts = draws[start : start + part].astype(np.float64)
        errors, influence = np.zeros(len(counts)), np.zeros_like(counts)
        for sign, sums in zip(signs, sides, strict=True):
            totals = counts @ sums  # [S,r,K]
            change = statistic(totals) - statistic(sums.sum(axis=1))[:, None]
            errors += sign * change.mean(axis=0)
            slopes = _gradient(statistic, totals, STEP * np.abs(sums).sum(axis=1, keepdims=True))
            influence += sign / len(sums) * (_wide(slopes) @ _wide(sums).T)
        centre = (counts * influence).sum(axis=1) / users
        squares = (counts * influence**2).sum(axis=1) - users * centre**2
        spread = np.sqrt(np.maximum(squares, 0.0) * users / (users - 1))
        usable = spread > 1e-9 * max(1.0, float(spread.max()))  # no error where all drawn tie
        yield errors[usable] / spread[usable]


def _wide(rows: Array) -> Array:
    """[S,N,K] → [N,S·K]: the columns of all seeds side by side."""
    return np.concatenate(list(rows), axis=-1)


def _gradient(statistic: Value, totals: Array, steps: Array) -> Array:
    """Derivatives of the statistic by each column [..., K].

    steps: [..., K], of central differences, where the statistic does not know its slopes.
    """
    if isinstance(statistic, HasSlopes):
        return statistic.slopes(totals)
    slopes = np.zeros_like(totals)
    for column in range(totals.shape[-1]):
        step = np.zeros_like(steps)
        step[..., column] = steps[..., column]
        change = statistic(totals + step) - statistic(totals - step)
        size = 2 * steps[..., column]
        slopes[..., column] = np.divide(change, size, out=np.zeros_like(change), where=size > 0)
    return slopes
