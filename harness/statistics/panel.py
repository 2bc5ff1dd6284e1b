"""Panel: the users of examples, sums per user, and the seed of all draws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.settings import EvalSettings
from harness.types import SplitData

Array = NDArray[np.float64]
Counts = NDArray[np.uint8]
Value = Callable[[Array], Array]
"""A number from summed rows: [..., K] → [...], many at once."""

RESAMPLES = EvalSettings().resamples
TRIALS = 10_000
FAMILY_TRIALS = 200
"""Trials of a paired test for each comparison in its family: 0.05 is then ten times the smallest
possible p-value, after Holm's correction."""
BOOTSTRAP_USERS = 10
"""Below this many users the bootstrap is unstable, and Student's t is used."""
VERDICT_USERS = 20
"""Below this many users there are intervals but no verdicts."""
PERCENT = (0.0, 100.0)


@dataclass(frozen=True)
class Statistic:
    """A number of a set of examples, from the sum of their rows.

    value: summed rows → the number.
    mean: whether it is a mean over examples, with rows (value, 1), or (0, 0) without a value.
    scale: lowest and highest possible value, if any; intervals are clipped to it.
    """

    value: Value
    mean: bool = False
    scale: tuple[float, float] | None = None


@dataclass(frozen=True)
class Panel:
    """The users of a set of examples, resampled in the same way for every number.

    users: the user of each example [N].
    fingerprint: the data's, which seeds all draws.
    resamples: bootstrap draws of users.
    trials: label swaps of a paired test.
    family: number of comparisons that are corrected together.
    """

    users: tuple[str, ...]
    fingerprint: str
    resamples: int = RESAMPLES
    trials: int = TRIALS
    family: int = 1

    @classmethod
    def of(cls, split: SplitData, resamples: int = RESAMPLES) -> Panel:
        """The examples of a split, in its order."""
        users = tuple(example.user_id for example in split.examples)
        return cls(users, split.fingerprint, resamples)

    @property
    def family_trials(self) -> int:
        """Trials of a test whose p-value may give a verdict in the family."""
        return max(self.trials, FAMILY_TRIALS * self.family)

    def rng(self) -> np.random.Generator:
        """A new generator: the same draws for every method, metric and seed."""
        return resampling_rng(self.fingerprint)

    def draws(self, users: int) -> Counts:
        """How often each of `users` users is drawn, with replacement [resamples, users]."""
        return _draws(self.fingerprint, users, self.resamples)

    def only(self, indices: Sequence[int]) -> Panel:
        """The panel of these examples alone."""
        return replace(self, users=tuple(self.users[index] for index in indices))

    def by_user(self, rows: Array) -> Array:
        """Rows [N,K] or, for several training seeds, [S,N,K] → sums per user [S,U,K].

        Users whose rows are 0 in every seed are left out; in a seed, a row of 0 has no weight. If a
        seed has fewer than `BOOTSTRAP_USERS` users with weight, those of every seed alone are kept:
        draws of users would often leave such a seed without any.
        """
        by_seed = rows if rows.ndim == 3 else rows[None]
        sums = np.stack([sums_by_user(each, self.users) for each in by_seed])
        return sums[:, _that_count(sums)]

    def counted(self, rows: Array) -> NDArray[np.bool_]:
        """Which rows [S,N,K] a value is over [N]: with weight in a seed, of a user who counts."""
        sums = np.stack([sums_by_user(each, self.users) for each in rows])
        users = dict(zip(dict.fromkeys(self.users), _that_count(sums), strict=True))
        counts = np.array([users[user] for user in self.users])
        return np.asarray(np.any(with_weight(rows), axis=0) & counts)


def _that_count(sums: Array) -> NDArray[np.bool_]:
    """Which users count [U], as `by_user` says; sums [S,U,K]."""
    known = with_weight(sums)
    few = known.sum(axis=1).min() < BOOTSTRAP_USERS
    return np.asarray(known.all(axis=0) if few else known.any(axis=0))


def with_weight(rows: Array) -> NDArray[np.bool_]:
    """Which examples or users count [...]: those whose rows or sums [...,K] are not all 0."""
    return np.asarray(np.abs(rows).sum(axis=-1) > 0)


@lru_cache(maxsize=8)
def _draws(fingerprint: str, users: int, resamples: int) -> Counts:
    drawn = resampling_rng(fingerprint).integers(users, size=(resamples, users))
    places = drawn + users * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=resamples * users)
    return counts.reshape(resamples, users).astype(np.uint8)


def resampling_rng(fingerprint: str) -> np.random.Generator:
    """A generator seeded by the data's fingerprint."""
    digest = hashlib.sha256(fingerprint.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def sums_by_user(rows: Array, users: Sequence[str]) -> Array:
    """Rows [N,K] summed within each user → [U,K], users in order of first appearance.

    Raises DataError where a value is not finite, ValueError where the lengths differ.
    """
    if len(rows) != len(users):
        raise ValueError(f"{len(rows)} rows for {len(users)} user ids; expected one a row")
    if not np.isfinite(rows).all():
        row = int(np.argwhere(~np.isfinite(rows))[0][0])
        raise DataError(
            f"value {rows[row].tolist()} of row {row}, user {users[row]}; expected finite numbers"
        )
    order = {user: index for index, user in enumerate(dict.fromkeys(users))}
    sums = np.zeros((len(order), rows.shape[1]))
    np.add.at(sums, [order[user] for user in users], rows)
    return sums


def mean_rows(each: Sequence[float | None]) -> Array:
    """Values of examples as rows (value, 1) [N,2]; None becomes (0, 0), without weight."""
    rows = [(0.0, 0.0) if value is None else (float(value), 1.0) for value in each]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def ratio(sums: Array) -> Array:
    """Σ value / Σ weight from sums [..., 2] → [...]; 0 where the weight is 0."""
    weights = sums[..., 1]
    return np.asarray(sums[..., 0] / np.where(weights > 0, weights, 1.0), dtype=np.float64)


MEAN = Statistic(ratio, mean=True)
"""Of rows (value, 1): the mean over examples."""
PERCENT_MEAN = Statistic(ratio, mean=True, scale=PERCENT)
RATIO = Statistic(ratio)
"""Of rows (value, weight): long texts weigh more, as in NLL per token."""
