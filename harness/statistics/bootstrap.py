"""Bootstrap intervals over users: bias-corrected and accelerated (BCa), and studentized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from harness.statistics.panel import RESAMPLES, Array, Value, ratio

BOOTSTRAP_USERS = 10
"""Below this many users bootstrap-t intervals are unstable (with five users far off the scale)."""
CHUNK = 1 << 21
"""Numbers held at once while resampling."""
TAILS = ((1 - 0.95) / 2, (1 + 0.95) / 2)
"""The ends of a 95 % interval."""


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval. `low` and `high` are None where `reason` says why."""

    value: float | None
    low: float | None
    high: float | None
    users: int
    method: str
    reason: str | None = None


def bca(
    sums: Array, statistic: Value, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """BCa interval of `statistic` over users. Efron 1987.

    sums: [U,K], a row for each user.
    statistic: summed rows [..., K] → [...].
    rng: generator of the draws of users.
    resamples: number of draws.

    The acceleration comes from the jackknife over users. If every draw gives the same number,
    low = high = value; with one user there is no interval.
    """
    users = len(sums)
    if users < 2:
        return too_few(sums, statistic, "bca")
    total = sums.sum(axis=0)
    value = float(statistic(total))
    # 1. resample users; sort the values
    drawn = np.sort(resampled(sums, statistic, rng, resamples))
    if _nothing(max(abs(drawn[0] - value), abs(drawn[-1] - value)), value):
        return Interval(value, value, value, users, "bca")
    # 2. acceleration: skewness of the jackknife values
    without = statistic(total - sums)
    spread = without.mean() - without
    scale = float((spread**2).sum())
    acceleration = float((spread**3).sum()) / (6 * scale**1.5) if scale > 0 else 0.0
    # 3. bias: share of draws below the value, ties counted half; kept off 0 and 1, whose
    # quantiles are infinite
    tie = 1e-9 * max(1.0, abs(value))
    below = ((drawn < value - tie).sum() + (drawn <= value + tie).sum()) / 2
    share = min(max(float(below), 0.5), resamples - 0.5) / resamples
    normal = NormalDist()
    bias = normal.inv_cdf(share)
    # 4. quantiles at the corrected levels; with very skewed data they may not contain the value
    low, high = (
        float(np.quantile(drawn, _adjusted(bias, acceleration, normal.inv_cdf(tail))))
        for tail in TAILS
    )
    return Interval(value, min(low, value), max(high, value), users, "bca")


def studentized(sums: Array, rng: np.random.Generator, resamples: int = RESAMPLES) -> Interval:
    """Bootstrap-t interval of the mean over examples. Efron & Tibshirani 1993, 12.5.

    sums: [U,2], each user's sum of values and number of examples.
    rng: generator of the draws of users.
    resamples: number of draws.

    The standard error is that of a ratio of sums, linearised. Better than `bca` for skewed scores,
    but the interval may exceed the scale. Below `BOOTSTRAP_USERS` users Student's t is used
    instead; `bca` where over a tenth of the draws have no variance.
    """
    users = len(sums)
    if users < 2:
        return too_few(sums, ratio, "studentized")
    # 1. mean and standard error of the data
    value, error = (float(each) for each in _mean_and_error(_moments(sums).sum(axis=0), users))
    if _nothing(error, value):
        return Interval(value, value, value, users, "studentized")
    if users < BOOTSTRAP_USERS:
        return _student(value, error, users)
    # 2. mean and standard error of each draw of users
    moments = np.concatenate(list(resampled_sums(_moments(sums), rng, resamples)))
    means, errors = _mean_and_error(moments, users)
    usable = errors > 1e-12 * max(1.0, abs(value))  # t is undefined without variance
    if usable.sum() < 0.9 * resamples:
        return bca(sums, ratio, rng, resamples)
    # 3. quantiles of t, turned back to the scale of the value
    t = (means[usable] - value) / errors[usable]
    high, low = np.quantile(t, TAILS)
    ends = value - float(low) * error, value - float(high) * error
    return Interval(value, min(ends[0], value), max(ends[1], value), users, "studentized")


def resampled(sums: Array, statistic: Value, rng: np.random.Generator, resamples: int) -> Array:
    """The statistic [R] of each draw of U users with replacement."""
    return np.concatenate([statistic(part) for part in resampled_sums(sums, rng, resamples)])


def resampled_sums(sums: Array, rng: np.random.Generator, resamples: int) -> Iterator[Array]:
    """Sums [r, K] of users drawn with replacement, in chunks of `resamples` rows in total."""
    users = len(sums)
    part = max(1, CHUNK // users)
    for start in range(0, resamples, part):
        yield draw_counts(users, rng, min(part, resamples - start)) @ sums


def draw_counts(users: int, rng: np.random.Generator, rows: int) -> Array:
    """How often each user is drawn [rows, U]; every row sums to U."""
    drawn = rng.integers(users, size=(rows, users)) + users * np.arange(rows)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=rows * users)
    return counts.reshape(rows, users).astype(np.float64)


def too_few(sums: Array, statistic: Value, method: str) -> Interval:
    """The result for one user or none: the value without an interval, and the reason."""
    if not len(sums):
        return Interval(None, None, None, 0, method, "no example was scored")
    value = float(statistic(sums.sum(axis=0)))
    return Interval(value, None, None, 1, method, "one user: nothing to resample")


def _student(value: float, error: float, users: int) -> Interval:
    """Student's t interval, for fewer users than a bootstrap needs."""
    from scipy.stats import t

    reach = float(t.ppf(TAILS[1], users - 1)) * error
    return Interval(value, value - reach, value + reach, users, "t")


def _adjusted(bias: float, acceleration: float, z: float) -> float:
    """The quantile level that BCa uses instead of Φ(z)."""
    moved = bias + z
    shrink = 1 - acceleration * moved
    if shrink <= 0:  # past the pole of the correction: use the most extreme draw
        return float(moved > 0)
    return NormalDist().cdf(bias + moved / shrink)


def _moments(sums: Array) -> Array:
    """S, n, S², S·n, n² of each user [U, 5]; mean and error follow from their sums."""
    values, examples = sums[:, 0], sums[:, 1]
    return np.stack([values, examples, values**2, values * examples, examples**2], axis=1)


def _mean_and_error(moments: Array, users: int) -> tuple[Array, Array]:
    """Mean and linearised standard error from summed moments [..., 5]."""
    values, examples, squares, products, weights = np.moveaxis(moments, -1, 0)
    mean = values / examples
    residual = np.maximum(squares - 2 * mean * products + mean**2 * weights, 0.0)
    return mean, np.sqrt(residual * users / (users - 1)) / examples


def _nothing(spread: float, value: float) -> bool:
    """Whether a spread is rounding error only."""
    return bool(spread <= 1e-9 * max(1.0, abs(value)))
