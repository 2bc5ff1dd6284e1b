"""Drift: the slope of a quality over position, per 100 slice tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics.slices import slice_tokens
from harness.metrics.statistics.bootstrap import RESAMPLES, bca
from harness.metrics.statistics.users import Array, resampling_rng, sums_by_user
from harness.types import Score

PER_TOKENS = 100
TOO_SHORT = "no reference reaches every slice"


def drift(
    values: Array,
    weights: Array,
    positions: Array,
    user_ids: Sequence[str],
    signature: str,
    fingerprint: str,
    resamples: int = RESAMPLES,
) -> Score:
    """Slope of slice means over slice positions, per 100 tokens, with a BCa interval over users.

    All [N, S]: values summed in a slice, their weights, and the mean token position of the
    slice in the reference; only examples that reach every slice. y = Σvalue / Σweight,
    x = Σweight·position / Σweight, least squares over the S slices, each counted once.
    `each` holds every example's own slope (None where a weight is 0).
    """
    each = tuple(
        float(_slope(row)) if (row[..., 1] > 0).all() else None
        for row in np.stack([values, weights, weights * positions], axis=-1)
    )
    signature = f"drift|per:{PER_TOKENS} tokens|{signature}"
    if not len(values):
        return Score(None, each, signature, missing=TOO_SHORT)
    slices = values.shape[1]
    if slices < 2:
        return Score(None, (None,) * len(each), signature, missing="a slope needs two slices")
    rows = np.concatenate([values, weights, weights * positions], axis=1)
    sums = sums_by_user(rows, user_ids)
    if not (sums[:, slices : 2 * slices].sum(axis=0) > 0).all():
        return Score(None, each, signature, missing="a slice holds no value")

    interval = bca(sums, slope_of, resampling_rng(fingerprint), resamples)
    return Score(interval.value, each, signature, interval.low, interval.high)


def mean_positions(reference: str, starts: Sequence[int]) -> list[float]:
    """Mean token position of each slice in a reference; its start where it holds no token."""
    length = len(slice_tokens(reference))
    ends = [min(end, length) for end in (*starts[1:], length)]
    return [
        (start + end - 1) / 2 if end > start else float(start)
        for start, end in zip(starts, ends, strict=True)
    ]


def slope_of(sums: Array) -> Array:
    """Slope from summed rows [..., 3·S] → [...]: values of S slices, weights, weight·position."""
    slices = sums.shape[-1] // 3
    return _slope(np.moveaxis(sums.reshape(*sums.shape[:-1], 3, slices), -2, -1))


def _slope(parts: Array) -> Array:
    """Least-squares slope per 100 tokens; parts [..., S, 3]: Σvalue, Σweight, Σweight·position."""
    value, weight, place = np.moveaxis(parts, -1, 0)
    # a resample may draw no user with weight in a slice; its slope is then over the others
    there = weight > 0
    safe = np.where(there, weight, 1.0)
    y, x = value / safe, place / safe
    count = np.maximum(there.sum(axis=-1, keepdims=True), 1)
    dx = np.where(there, x - np.where(there, x, 0).sum(axis=-1, keepdims=True) / count, 0.0)
    spread = (dx**2).sum(axis=-1)
    slope = (dx * y).sum(axis=-1) / np.where(spread > 0, spread, 1.0)
    return np.asarray(PER_TOKENS * slope, dtype=np.float64)
