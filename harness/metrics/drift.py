"""Drift: the slope of a metric over the position in the text, per 100 slice tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics.slices import slice_tokens
from harness.statistics import Array, Panel, Statistic, interval
from harness.types import Score

PER_TOKENS = 100
TOO_SHORT = "no reference reaches every slice"


def drift(rows: Array, panel: Panel, signature: str) -> Score:
    """Slope of slice means over slice positions, per 100 tokens, with a BCa interval over users.

    rows: `slope_rows` [N,3·S], all 0 for an example that does not reach every slice.
    panel: the users of the examples.
    signature: of what is averaged in a slice.

    Least squares over the S slices, equally weighted, of y = Σvalue / Σweight on
    x = Σweight·position / Σweight. `each` holds every example's own slope (None where a weight is
    0).
    """
    # 1. the slope of every example
    parts = np.moveaxis(rows.reshape(len(rows), 3, rows.shape[1] // 3), 1, -1)  # [N,S,3]
    each = tuple(float(_slope(row)) if (row[..., 1] > 0).all() else None for row in parts)
    signature = f"drift|per:{PER_TOKENS} tokens|{signature}"
    # 2. is there a slope at all?
    if all(value is None for value in each):
        return Score(None, each, signature, missing=TOO_SHORT)
    if parts.shape[1] < 2:
        return Score(None, (None,) * len(each), signature, missing="a slope needs two slices")
    # 3. the slope of the means, with its interval
    found = interval(SLOPE, rows, panel)
    return Score(found.value, each, signature, found.low, found.high)


def slope_rows(values: Array, weights: Array, positions: Array) -> Array:
    """Rows [N,3·S] for `drift`, from sums in each slice, their weights and mean positions [N,S].

    An example that lacks a slice has a row of 0, so that all slices cover the same examples.
    """
    complete = (weights > 0).all(axis=1, keepdims=True)
    return np.where(complete, np.concatenate([values, weights, weights * positions], axis=1), 0.0)


def mean_positions(reference: str, starts: Sequence[int]) -> list[float]:
    """Mean token position of each slice in a reference; the slice's start where it is empty."""
    length = len(slice_tokens(reference))
    ends = [min(end, length) for end in (*starts[1:], length)]
    return [
        (start + end - 1) / 2 if end > start else float(start)
        for start, end in zip(starts, ends, strict=True)
    ]


def slope_of(sums: Array) -> Array:
    """Slope from summed rows: [..., 3·S] → [...]."""
    slices = sums.shape[-1] // 3
    return _slope(np.moveaxis(sums.reshape(*sums.shape[:-1], 3, slices), -2, -1))


def _slope(parts: Array) -> Array:
    """Least-squares slope per 100 tokens; parts [..., S, 3]: Σvalue, Σweight, Σweight·position."""
    values, weights, positions = np.moveaxis(parts, -1, 0)
    # 1. means of each slice; a resample may lack a slice, whose slope is then over the others
    present = weights > 0
    safe = np.where(present, weights, 1.0)
    y, x = values / safe, positions / safe
    # 2. least squares: Σ(x − x̄)·y / Σ(x − x̄)²
    count = np.maximum(present.sum(axis=-1, keepdims=True), 1)
    dx = np.where(present, x - np.where(present, x, 0).sum(axis=-1, keepdims=True) / count, 0.0)
    spread = (dx**2).sum(axis=-1)
    slope = (dx * y).sum(axis=-1) / np.where(spread > 0, spread, 1.0)
    return np.asarray(PER_TOKENS * slope, dtype=np.float64)


SLOPE = Statistic(slope_of)
