"""Several training seeds: seeds and users are resampled together."""

from __future__ import annotations

import numpy as np

from harness.metrics.statistics.bootstrap import RESAMPLES, Interval, bca, draw_counts, too_few
from harness.metrics.statistics.users import Array, Statistic

THIS_CHECKPOINT = "one training seed: this checkpoint, not this method"


def hierarchical(
    by_seed: Array,
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Interval:
    """Interval of the mean over training seeds of `statistic`; sums [seeds, U, K].

    The same drawn users serve every seed, for all seeds wrote for the same users. With one
    seed it is `bca` over users and `reason` says that it speaks of this checkpoint only.
    """
    if len(by_seed) == 1:
        one = bca(by_seed[0], statistic, rng, resamples, confidence)
        reason = one.reason or THIS_CHECKPOINT
        return Interval(one.value, one.low, one.high, one.users, one.method, reason)
    if by_seed.shape[1] < 2:
        return too_few(by_seed.mean(axis=0), statistic, "hierarchical")
    value = float(statistic(by_seed.sum(axis=1)).mean())
    return _percentile(
        value, _drawn(by_seed, by_seed[:0], statistic, rng, resamples), by_seed, confidence
    )


def hierarchical_difference(
    first: Array,
    second: Array,
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Interval:
    """Interval of first − second, sums [seeds, U, K] each over the same users.

    Seeds are drawn apart for the two methods, users together. Raises ValueError where the
    users differ.
    """
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(f"sums of {first.shape[1:]} and {second.shape[1:]}; expected same users")
    if first.shape[1] < 2:
        return Interval(None, None, None, first.shape[1], "hierarchical", "fewer than two users")
    value = float(statistic(first.sum(axis=1)).mean() - statistic(second.sum(axis=1)).mean())
    draws = _drawn(first, second, statistic, rng, resamples)
    one = len(first) == 1 or len(second) == 1
    return _percentile(value, draws, first, confidence, THIS_CHECKPOINT if one else None)


def _drawn(
    first: Array,
    second: Array,
    statistic: Statistic,
    rng: np.random.Generator,
    resamples: int,
) -> Array:
    counts = draw_counts(first.shape[1], rng, resamples)
    draws = _of_seeds(counts, first, statistic, rng)
    return draws - _of_seeds(counts, second, statistic, rng) if len(second) else draws


def _of_seeds(
    counts: Array, by_seed: Array, statistic: Statistic, rng: np.random.Generator
) -> Array:
    """Mean over drawn seeds [R]; the draw is widened, for n seeds drawn from n vary too little.

    A mean of n draws from n values has (n−1)/n of the variance of a mean of n new ones.
    """
    seeds = len(by_seed)
    values = np.stack([statistic(counts @ sums) for sums in by_seed], axis=1)
    centre = values.mean(axis=1)
    if seeds == 1:
        return np.asarray(centre, dtype=np.float64)
    drawn = rng.integers(seeds, size=(len(values), seeds))
    chosen = np.take_along_axis(values, drawn, axis=1).mean(axis=1)
    return np.asarray(centre + (chosen - centre) * np.sqrt(seeds / (seeds - 1)))


def _percentile(
    value: float, draws: Array, by_seed: Array, confidence: float, reason: str | None = None
) -> Interval:
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    users = by_seed.shape[1]
    return Interval(value, float(low), float(high), users, "hierarchical", reason)
