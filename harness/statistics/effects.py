"""A system's value, or the difference of two, with the errors of its estimate.

A system is a method with its training seeds. The score of user u under seed s is μ + seed + user +
rest, all random, so the mean over both has

    Var = Var(seeds' values)/S + Var(users' means over seeds)/U − Var(rest)/(S·U).

Both variances hold the rest, so it is subtracted once: from the seeds' part, which is never below
0. A difference of two systems shares its users; its seeds are independent. The seeds' part counts
where a system is trained and has `METHOD_SEEDS` seeds; otherwise the numbers describe checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.statistics.panel import Array, Counts, Value
from harness.statistics.users import UsersError, pseudo_values, student, users_error

METHOD_SEEDS = 3
"""Training seeds from which on numbers describe a method, not only the checkpoints at hand."""
SMALLEST_LOG_P = -60.0


@dataclass(frozen=True)
class Side:
    """One system.

    sums: [S,U,K], the summed rows of each user, one for each training seed.
    trained: whether the method is trained; without training, seeds have no effect of their own.
    """

    sums: Array
    trained: bool = True

    @property
    def about_method(self) -> bool:
        """Whether its numbers describe the method."""
        return not self.trained or len(self.sums) >= METHOD_SEEDS


@dataclass(frozen=True)
class SeedsError:
    """The error from training seeds: a variance with its degrees of freedom."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Effect:
    """One system's value, or first − second, with its independent errors.

    value: the estimate.
    users: the error from users.
    of_seeds: the error from the training seeds of each trained side; none where seeds do not count.
    """

    value: float
    users: UsersError
    of_seeds: tuple[SeedsError, ...] = ()

    @property
    def seeds(self) -> SeedsError | None:
        """The error from the training seeds of all sides; None where seeds do not count."""
        return _together(self.of_seeds)

    @property
    def variance(self) -> float:
        """The sum of the errors' variances."""
        return self.users.variance + (self.seeds.variance if self.seeds else 0.0)

    def ends(self, level: float = 0.95) -> tuple[float, float]:
        """The interval. It holds the value."""
        upper, lower = (1 + level) / 2, (1 - level) / 2
        low = self.value - self._combined(self.users.root(upper), upper)
        high = self.value - self._combined(self.users.root(lower), lower)
        return min(low, self.value), max(high, self.value)

    def reach(self, level: float) -> float:
        """The quantile of the error, with Student's t for every part."""
        return self._combined(student(level, self.users.freedom), level)

    def p_value(self) -> float:
        """Two-sided, of a true value of 0: the level at which `reach` is the value."""
        from scipy.optimize import brentq

        if self.variance <= 0 or not self.value:
            return float(self.value == 0)

        def beyond(log_p: float) -> float:
            return abs(self.value) + self.reach(float(np.exp(log_p)) / 2)

        if beyond(SMALLEST_LOG_P) > 0:
            return float(np.exp(SMALLEST_LOG_P))
        return float(np.exp(brentq(beyond, SMALLEST_LOG_P, 0.0)))

    def detectable(self, alpha: float) -> float:
        """The true difference that a two-sided test at `alpha` shows with probability 0.8."""
        return self.reach(1 - alpha / 2) + self.reach(0.8)

    def _combined(self, of_users: float, level: float) -> float:
        """Both errors' quantiles, weighted by their variances. Cochran & Cox 1957."""
        if self.variance <= 0:
            return 0.0
        weighted = self.users.variance * of_users
        if self.seeds:
            weighted += self.seeds.variance * student(level, self.seeds.freedom)
        return weighted / float(np.sqrt(self.variance))


def effect(statistic: Value, sides: Sequence[Side], draws: Counts) -> Effect:
    """The value of one system, or first − second of two, with its errors.

    statistic: summed rows [..., K] → [...].
    sides: one or two systems; two have the same users, two at least.
    draws: how often each user is drawn [R,U], from `Panel.draws`.
    """
    signs = (1.0, -1.0)[: len(sides)]
    scores = [pseudo_values(statistic, side.sums) for side in sides]
    values = [statistic(side.sums.sum(axis=1)) for side in sides]
    value = sum(sign * each.mean() for sign, each in zip(signs, values, strict=True))
    methods = all(side.about_method for side in sides)
    seeds = tuple(
        _seeds_error(of_seeds, of_users)
        for side, of_seeds, of_users in zip(sides, values, scores, strict=True)
        if methods and side.trained
    )
    users = users_error(statistic, [side.sums for side in sides], scores, draws)
    return Effect(float(value), users, seeds)


def _seeds_error(values: Array, scores: Array) -> SeedsError:
    """Of the mean of `values` [S], without the rest that `scores` [S,U] hold.

    What is left of a variance after the subtraction has fewer degrees of freedom than the variance.
    Here the root of the share that is left, and at least 1: with all of them, equal methods get a
    verdict in 5.9 %, with the share itself intervals cover 98 % (docs/metrics.md).
    """
    seeds, users = scores.shape
    of_user, of_seed = scores.mean(axis=0), scores.mean(axis=1, keepdims=True)
    rest = ((scores - of_seed - of_user + scores.mean()) ** 2).sum() / ((seeds - 1) * (users - 1))
    whole = float(values.var(ddof=1)) / seeds
    variance = max(0.0, whole - float(rest) / (seeds * users))
    left = variance / whole if whole > 0 else 1.0
    return SeedsError(variance, max(1.0, (seeds - 1) * float(np.sqrt(left))))


def _together(errors: Sequence[SeedsError]) -> SeedsError | None:
    """The errors of independent systems as one. Satterthwaite 1946, Welch 1947."""
    if not errors:
        return None
    variance = sum(each.variance for each in errors)
    if variance <= 0:
        return errors[0]
    below = sum(each.variance**2 / each.freedom for each in errors)
    return SeedsError(variance, variance**2 / below)
