"""Windows of continuations: the reference is given up to a slice, the next tokens are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.metrics.base import Metric, Pair, Part
from harness.metrics.drift import Slope, drift, slope_rows
from harness.metrics.scoring import Scored, plain, scored
from harness.metrics.slices import between, signature_of, slice_names, slice_tokens, up_to
from harness.record import Drift, ForcedMetric, SliceEstimate, ends_of
from harness.statistics import Array, Panel
from harness.types import Score

T = TypeVar("T")
Chosen = NDArray[np.bool_]
WINDOW = 100
"""At most this many slice tokens are generated and scored from the start of a slice."""
APART = (
    "the value of a slice does not follow from those of its windows, over which a slope is taken"
)


def window_lengths(reference: str, starts: Sequence[int]) -> list[int]:
    """Length of the reference's window in each slice, in slice tokens; 0 past its end.

    A window starts with its slice; it ends with the slice, the text, or after WINDOW tokens.
    """
    return windows_within(len(slice_tokens(reference)), starts)


def windows_within(length: int, starts: Sequence[int]) -> list[int]:
    """`window_lengths` of a reference of `length` slice tokens."""
    ends = [*starts[1:], length]
    return [
        max(0, min(start + WINDOW, end, length) - start)
        for start, end in zip(starts, ends, strict=True)
    ]


def window_pair(continued: str, whole: Pair, start: int, length: int) -> Pair:
    """A window of a continuation, paired with that of the reference.

    continued: the given text and its continuation, joined.
    whole: the example's own text and reference.
    start: the window's first slice token.
    length: its number of slice tokens.
    """
    text, end = up_to(continued, start + length), start + length
    part = Part(start, end, text, whole.reference, given=True)
    cut = [between(each, start, end) for each in (continued, whole.reference)]
    return Pair(cut[0], cut[1], whole.example, part)


@dataclass(frozen=True)
class WindowScores:
    """A metric of the windows: the record's entry, and by example and slice.

    each: values [N][S]; None where there is no window, or it has no value.
    rows: the metric's rows [N][S]; empty for a mean over examples.
    """

    entry: ForcedMetric
    each: list[list[float | None]]
    rows: list[list[tuple[float, ...] | None]]


def forced_scores(
    metric: Metric, windows: Sequence[Sequence[Pair | None]], starts: Sequence[int], panel: Panel
) -> WindowScores:
    """A metric of the windows.

    metric: any.
    windows: [N][S], the window of each example in each slice, None where its reference has none.
    starts: where slices begin.
    panel: the users of the examples.

    The overall value is over all windows.
    """
    # 1. all windows, then those of each slice
    filled = np.array([[cell is not None for cell in row] for row in windows], dtype=bool)
    filled = filled.reshape(-1, len(starts))
    whole = _score(metric, windows, filled, panel).score
    columns = filled & np.eye(len(starts), dtype=bool)[:, None]  # [S,N,S]: one slice's windows
    by_slice = [
        _score(metric, windows, inside, panel) if inside.any() else Scored(Score(None, (), ""))
        for inside in columns
    ]
    slices = tuple(
        SliceEstimate(
            slice=name, start=start, examples=_counted(found_in.score), **ends_of(found_in.score)
        )
        for name, start, found_in in zip(slice_names(starts), starts, by_slice, strict=True)
    )
    # 2. values and rows by example and slice
    each = _by_example([found.score.each for found in by_slice], filled)
    kept: list[list[tuple[float, ...] | None]] = []
    if not metric.mean and whole.value is not None:
        found_rows = [[] if found.rows is None else found.rows[0] for found in by_slice]
        kept = _by_example([[plain(row) for row in rows] for rows in found_rows], filled)
    # 3. drift over the slices
    signature = f"{whole.signature}|forced:{WINDOW}|{signature_of(starts)}"
    cells = kept or [[None if value is None else (value,) for value in row] for row in each]
    rows = _drift_rows(cells, windows, starts)
    reach = int(rows.any(axis=1).sum())
    without = [row.missing for row in slices if row.missing is not None]
    without += [APART for one in by_slice if one.score.value is not None and one.rows is None]
    without += [whole.missing] if whole.missing is not None and reach else []
    if without:
        slope = Drift(examples=reach, value=None, missing=without[0])
    else:
        found = drift(rows, panel, signature, slope_of(metric, len(starts)))
        slope = Drift(examples=reach, **ends_of(_finite(found)))
    curve = ForcedMetric(signature=signature, slices=slices, drift=slope, **ends_of(whole))
    return WindowScores(curve, each, kept)


def _finite(slope: Score) -> Score:
    """The slope, or none where a draw of users gives a slice no finite value."""
    numbers = [one for one in (slope.value, slope.low, slope.high) if one is not None]
    if np.isfinite(numbers).all():
        return slope
    missing = "the slope or an end of its interval is no finite number: mend the metric's `value`"
    return Score(None, slope.each, slope.signature, missing=missing)


def _score(
    metric: Metric, windows: Sequence[Sequence[Pair | None]], chosen: Chosen, panel: Panel
) -> Scored:
    """The metric of the windows [N,S] where `chosen` is True."""
    places = np.argwhere(chosen).tolist()
    pairs = [pair for row, column in places if (pair := windows[row][column])]
    return scored(metric, [pairs], panel.only([row for row, _ in places]))


def _by_example(columns: Sequence[Sequence[T]], filled: Chosen) -> list[list[T | None]]:
    """The values of each slice [S] by example and slice [N][S]; None where nothing is filled."""
    table: list[list[T | None]] = [[None] * len(columns) for _ in filled]
    for column, values in enumerate(columns):
        rows = np.flatnonzero(filled[:, column]) if values else ()
        for row, value in zip(rows, values, strict=True):
            table[row][column] = value
    return table


def _drift_rows(
    cells: Sequence[Sequence[tuple[float, ...] | None]],
    windows: Sequence[Sequence[Pair | None]],
    starts: Sequence[int],
) -> Array:
    """`slope_rows` of what the windows add; examples without a value in every slice are 0."""
    shape = (len(cells), len(starts))
    width = max((len(cell) for row in cells for cell in row if cell), default=1)
    values = [[cell or (0.0,) * width for cell in row] for row in cells]
    present = [[float(cell is not None) for cell in row] for row in cells]
    lengths = [
        [pair.part.end - pair.part.start if pair and pair.part else 0 for pair in row]
        for row in windows
    ]
    middles = window_middles(np.array(lengths).reshape(shape), starts)
    return slope_rows(
        np.array(values).reshape(*shape, width), np.array(present).reshape(shape), middles
    )


def slope_of(metric: Metric, slices: int) -> Slope:
    """The slope over slices of `metric.value`; a mean's rows are (value, weight)."""
    if metric.mean:
        return Slope()
    return Slope(lambda sums: metric.value(sums[..., :-1]), slices)


def _counted(found: Score) -> int:
    """Number of examples of a slice: those with a value, or all if the metric has none."""
    known = sum(value is not None for value in found.each)
    return known if found.value is not None else len(found.each)


def window_middles(lengths: Array | Sequence[int], starts: Sequence[int]) -> Array:
    """Mean token position of each window; lengths [..., S]."""
    return np.array(starts) + (np.asarray(lengths, dtype=np.float64) - 1) / 2
