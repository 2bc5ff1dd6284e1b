"""Drift: the slope of a metric over the position in the text, per 100 slice tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.slices import slice_tokens
from harness.statistics import Array, Panel, Statistic, interval
from harness.statistics.panel import Value, ratio
from harness.types import Score

PER_TOKENS = 100
NLL_DRIFT = "nll_drift"
"""What comparisons call the drift of NLL."""
TOO_SHORT = "no reference reaches every slice"


@dataclass(frozen=True)
class Slope:
    """Least-squares slope per 100 tokens from summed rows [..., (K+2)·S]: a number for each row.

    A row has blocks of S slices: K columns of a metric, then weights, then weights · positions.
    value: of each slice, from its K columns and its weight. slices: S; None where K is 1.

    Slices count equally: y is `value`, x is Σweight·position / Σweight.
    """

    value: Value = ratio
    slices: int | None = None

    def __call__(self, sums: Array) -> Array:
        # 1. value and position of each slice; a resample may lack one: the slope is of the others
        blocks = (3, -1) if self.slices is None else (-1, self.slices)
        parts = sums.reshape(*sums.shape[:-1], *blocks)  # [...,K+2,S]
        weights, positions = parts[..., -2, :], parts[..., -1, :]
        present = weights > 0
        y = np.where(present, self.value(np.moveaxis(parts[..., :-1, :], -2, -1)), 0.0)
        x = positions / np.where(present, weights, 1.0)
        # 2. least squares: Σ(x − x̄)·y / Σ(x − x̄)²
        count = np.maximum(present.sum(axis=-1, keepdims=True), 1)
        middle = np.where(present, x, 0).sum(axis=-1, keepdims=True) / count
        dx = np.where(present, x - middle, 0.0)
        spread = (dx**2).sum(axis=-1)
        slope = (dx * y).sum(axis=-1) / np.where(spread > 0, spread, 1.0)
        return np.asarray(PER_TOKENS * slope, dtype=np.float64)


SLOPE = Statistic(Slope())


def drift(rows: Array, panel: Panel, signature: str, slope: Slope = Slope()) -> Score:
    """Slope over the slices of all examples together, with a BCa interval over users.

    rows: `slope_rows` [N,(K+2)·S], all 0 for an example that does not reach every slice.
    panel: the users of the examples.
    signature: of what is computed in a slice.
    slope: turns summed rows into the slope.

    `each` holds every example's own slope, None where its row is 0.
    """
    signature = f"drift|per:{PER_TOKENS} tokens|{signature}"
    reach = [bool(row.any()) for row in rows]
    if not any(reach):
        return Score(None, (None,) * len(rows), signature, missing=TOO_SHORT)
    if (slope.slices or rows.shape[1] // 3) < 2:
        return Score(None, (None,) * len(rows), signature, missing="a slope needs two slices")
    each = (float(one) if has else None for one, has in zip(slope(rows), reach, strict=True))
    found = interval(Statistic(slope), rows, panel)
    return Score(found.value, tuple(each), signature, found.low, found.high)


def slope_rows(values: Array, weights: Array, positions: Array) -> Array:
    """Rows [N,(K+2)·S] for `drift`, from what each example adds to each slice.

    values [N,S], or [N,S,K]; weights and mean positions [N,S]. An example that lacks a slice has a
    row of 0, so that all slices cover the same examples.
    """
    columns = list(np.moveaxis(values, -1, 0)) if values.ndim == 3 else [values]
    rows = np.concatenate([*columns, weights, weights * positions], axis=1)
    return np.where((weights > 0).all(axis=1, keepdims=True), rows, 0.0)


def mean_positions(reference: str, starts: Sequence[int]) -> list[float]:
    """Mean token position of each slice in a reference; the slice's start where it is empty."""
    length = len(slice_tokens(reference))
    ends = [min(end, length) for end in (*starts[1:], length)]
    return [
        (start + end - 1) / 2 if end > start else float(start)
        for start, end in zip(starts, ends, strict=True)
    ]
