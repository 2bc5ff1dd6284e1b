"""Sums per user: all that resampling users needs to know of a metric."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError

Array = NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""A number from summed rows: [..., K] → [...], many at once."""

VERDICT_USERS = 20
"""Below this many users there are intervals but no verdicts."""


def resampling_rng(fingerprint: str) -> np.random.Generator:
    """A generator seeded by the data's fingerprint: the same draws for every method and seed."""
    digest = hashlib.sha256(fingerprint.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def sums_by_user(rows: Array, user_ids: Sequence[str]) -> Array:
    """Rows [N, K] added up within each user → [U, K], users in order of first appearance.

    Raises DataError where a value is not finite, ValueError where the lengths differ.
    """
    if len(rows) != len(user_ids):
        raise ValueError(f"{len(rows)} rows for {len(user_ids)} user ids; expected one a row")
    if not np.isfinite(rows).all():
        at = int(np.argwhere(~np.isfinite(rows))[0][0])
        raise DataError(
            f"value {rows[at].tolist()} of row {at}, user {user_ids[at]}; expected finite numbers"
        )
    order = {user: at for at, user in enumerate(dict.fromkeys(user_ids))}
    sums = np.zeros((len(order), rows.shape[1]))
    np.add.at(sums, [order[user] for user in user_ids], rows)
    return sums


def mean_rows(each: Sequence[float | None]) -> Array:
    """Per-example values as rows (value, 1) [N, 2]; None becomes (0, 0) and weighs nothing."""
    rows = [(0.0, 0.0) if value is None else (float(value), 1.0) for value in each]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 2)


def mean_sums(each: Sequence[float | None], user_ids: Sequence[str]) -> Array:
    """Sums (values, examples) [U, 2] of the users who have at least one value."""
    sums = sums_by_user(mean_rows(each), user_ids)
    return sums[sums[:, 1] > 0]


def mean_of(sums: Array) -> Array:
    """Mean over examples from sums (values, examples) [..., 2] → [...]: a ratio of sums."""
    return np.asarray(sums[..., 0] / sums[..., 1], dtype=np.float64)
