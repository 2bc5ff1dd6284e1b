"""Approximate randomisation: a paired test that swaps the labels of two methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.statistics.panel import Array, Value

CHUNK = 1 << 21


@dataclass(frozen=True)
class PairedTest:
    """First − second, and the share of label swaps with a difference as large (two-sided)."""

    difference: float
    p_value: float
    users: int
    trials: int


def swaps(rng: np.random.Generator, users: int, trials: int) -> Iterator[Array]:
    """Which users keep their labels, as 0 and 1: blocks of rows [r,U], `trials` rows in all.

    Drawn as in sacrebleu, so that the same generator gives the same swaps.
    """
    part = max(1, CHUNK // users)
    for start in range(0, trials, part):
        rows = min(part, trials - start)
        yield rng.integers(2, size=(rows, users), dtype=bool).astype(np.float64)


def paired_test(
    first: Array,
    second: Array,
    statistic: Value,
    kept: Iterable[Array],
    strict: bool = False,
) -> PairedTest:
    """Swap the sums of two methods user by user. Riezler & Maxwell 2005; Noreen 1989.

    first, second: sums [U, K] of the same users.
    statistic: summed rows [..., K] → [...].
    kept: which users keep their labels, from `swaps`.
    strict: count only differences larger than the observed one, as sacrebleu does. By default
        equal ones count too, so that a method compared with itself has p = 1.

    p = (count + 1) / (trials + 1). Raises ValueError where shapes differ or there is no user.
    """
    if first.shape != second.shape or not len(first):
        raise ValueError(
            f"sums of shape {first.shape} and {second.shape}; expected the same users, at least one"
        )
    difference = float(statistic(first.sum(axis=0)) - statistic(second.sum(axis=0)))
    tie = 1e-9 * max(1.0, abs(difference))
    least = abs(difference) + tie if strict else abs(difference) - tie
    count = trials = 0
    for keep in kept:
        swapped = second.sum(axis=0) + keep @ (first - second)
        rest = first.sum(axis=0) + second.sum(axis=0) - swapped
        differences = np.abs(statistic(swapped) - statistic(rest))
        count += int((differences >= least).sum())
        trials += len(keep)
    return PairedTest(difference, (count + 1) / (trials + 1), len(first), trials)
