"""Approximate randomisation: a paired test that swaps the labels of two methods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.statistics.panel import TRIALS, Array, Value

CHUNK = 1 << 21


@dataclass(frozen=True)
class PairedTest:
    """First − second, and the share of label swaps with a difference as large (two-sided)."""

    difference: float
    p_value: float
    users: int
    trials: int


def paired_test(
    first: Array,
    second: Array,
    statistic: Value,
    rng: np.random.Generator,
    trials: int = TRIALS,
    strict: bool = False,
) -> PairedTest:
    """Swap the sums of two methods user by user. Riezler & Maxwell 2005; Noreen 1989.

    first, second: sums [U, K] of the same users.
    statistic: summed rows [..., K] → [...].
    rng: generator of the swaps.
    trials: number of swaps.
    strict: count only differences larger than the observed one, as sacrebleu does. By default
        equal ones count too, so that a method compared with itself has p = 1.

    p = (count + 1) / (trials + 1). Raises ValueError where shapes differ or there is no user.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError(
            f"sums of shape {first.shape} and {second.shape}; expected the same users, at least one"
        )
    users = len(first)
    difference = float(statistic(first.sum(axis=0)) - statistic(second.sum(axis=0)))
    tie = 1e-9 * max(1.0, abs(difference))
    least = abs(difference) + tie if strict else abs(difference) - tie
    count = 0
    part = max(1, CHUNK // users)
    for start in range(0, trials, part):
        rows = min(part, trials - start)
        # drawn as in sacrebleu, so that the same generator gives the same swaps
        keep = rng.integers(2, size=(rows, users), dtype=bool).astype(np.float64)
        swapped = second.sum(axis=0) + keep @ (first - second)
        rest = first.sum(axis=0) + second.sum(axis=0) - swapped
        differences = np.abs(statistic(swapped) - statistic(rest))
        count += int((differences >= least).sum())
    return PairedTest(difference, (count + 1) / (trials + 1), users, trials)
