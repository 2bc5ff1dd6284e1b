"""Approximate randomisation: is a paired difference more than the luck of the labels?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.statistics.panel import TRIALS, Array, Value

CHUNK = 1 << 21


@dataclass(frozen=True)
class PairedTest:
    """First − second, and the share of label swaps that differ at least as much (two-sided)."""

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
    """Swaps the two methods' sums [U, K] user by user. Riezler & Maxwell 2005; Noreen 1989.

    A trial as large as the real difference counts, so that a method against itself has p = 1;
    `strict` counts only larger ones, as sacrebleu does (the two agree where nothing ties).
    p = (count + 1) / (trials + 1). Raises ValueError where the shapes differ or no user is there.
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
        # drawn like sacrebleu's: the same generator gives the same swaps
        stays = rng.integers(2, size=(rows, users), dtype=bool).astype(np.float64)
        one = stays @ first + (1 - stays) @ second
        other = (1 - stays) @ first + stays @ second
        count += int((np.abs(statistic(one) - statistic(other)) >= least).sum())
    return PairedTest(difference, (count + 1) / (trials + 1), users, trials)
