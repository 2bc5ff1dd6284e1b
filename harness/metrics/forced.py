"""Windows of continuations: the reference is given up to a slice, the next tokens are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.metrics.base import Metric, Pair, Part
from harness.metrics.drift import drift, slope_rows
from harness.metrics.scores import Scored, plain, scored
from harness.metrics.slices import signature_of, slice_names, slice_tokens, up_to
from harness.record import Drift, ForcedMetric, SliceEstimate, ends_of
from harness.statistics import Array, Panel
from harness.types import Score

WINDOW = 100
"""At most this many slice tokens are generated and scored from the start of a slice."""


def window_lengths(reference: str, starts: Sequence[int], most: int = WINDOW) -> list[int]:
    """Length of the reference's window in each slice, in slice tokens; 0 past its end.

    A window starts with its slice; it ends with the slice, the text, or after `most` tokens.
    """
    return windows_within(len(slice_tokens(reference)), starts, most)


def windows_within(length: int, starts: Sequence[int], most: int = WINDOW) -> list[int]:
    """`window_lengths` of a reference of `length` slice tokens."""
    ends = [*starts[1:], length]
    return [
        max(0, min(start + most, end, length) - start)
        for start, end in zip(starts, ends, strict=True)
    ]


def window_of(text: str, start: int, length: int) -> str:
    """The text of slice tokens `start` to `start + length`, as far as it goes."""
    inside = slice_tokens(text)[start : start + length]
    return text[inside[0][0] : inside[-1][1]] if inside else ""


def window_pair(continued: str, whole: Pair, start: int, length: int) -> Pair:
    """A window of a continuation, paired with that of the reference.

    continued: the given text and its continuation, joined.
    whole: the example's own text and reference.
    start: the window's first slice token.
    length: its number of slice tokens.
    """
    text, end = up_to(continued, start + length), start + length
    part = Part(start, end, text, whole.reference, given=True)
    cut = [window_of(each, start, length) for each in (continued, whole.reference)]
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
    names = slice_names(starts)
    places = [
        (row, column)
        for row, cells in enumerate(windows)
        for column, cell in enumerate(cells)
        if cell
    ]

    def score(chosen: Sequence[tuple[int, int]]) -> Scored:
        pairs = [pair for row, column in chosen if (pair := windows[row][column])]
        return scored(metric, [pairs], panel.only([row for row, _ in chosen]))

    # 1. all windows, then those of each slice
    whole = score(places).score
    each: list[list[float | None]] = [[None] * len(starts) for _ in windows]
    kept: list[list[tuple[float, ...] | None]] = []
    if not metric.mean and whole.value is not None:
        kept = [[None] * len(starts) for _ in windows]
    slices = []
    for number, (name, start) in enumerate(zip(names, starts, strict=True)):
        inside = [place for place in places if place[1] == number]
        by_window = score(inside) if inside else Scored(Score(None, (), ""))
        found = by_window.score
        for (row, _), value in zip(inside, found.each, strict=True):
            each[row][number] = value
        if kept and by_window.rows is not None:
            for (row, _), values in zip(inside, by_window.rows[0], strict=True):
                kept[row][number] = plain(values)
        slices.append(
            SliceEstimate(
                slice=name, start=start, examples=_counted(found, inside), **ends_of(found)
            )
        )
    # 2. drift over the slices
    signature = f"{whole.signature}|forced:{WINDOW}|{signature_of(starts)}"
    slope = window_drift(each, windows, starts, panel, signature)
    unscored = [row.missing for row in slices if row.missing is not None]
    if unscored:
        slope = replace(slope, missing=unscored[0])
    curve = ForcedMetric(signature=signature, slices=tuple(slices), drift=slope, **ends_of(whole))
    return WindowScores(curve, each, kept)


def window_drift(
    each: Sequence[Sequence[float | None]],
    windows: Sequence[Sequence[Pair | None]],
    starts: Sequence[int],
    panel: Panel,
    signature: str,
) -> Drift:
    """The record's drift: slope of the windows' values over their middles, per 100 tokens.

    each: values [N][S] of the examples; only those with a value in every slice count.
    windows: the windows.
    starts: where slices begin.
    panel: the users of the examples.
    signature: how the values were computed.
    """
    lengths = [[pair.part.end - pair.part.start if pair and pair.part else 0 for pair in row]
               for row in windows]  # fmt: skip
    present = _table([[value is not None for value in values] for values in each], starts)
    values = _table([[value or 0.0 for value in values] for values in each], starts)
    rows = slope_rows(values, present, window_middles(_table(lengths, starts), starts))
    slope = drift(rows, panel, signature)
    return Drift(examples=int(present.all(axis=1).sum()), **ends_of(slope))


def _counted(found: Score, inside: Sequence[object]) -> int:
    """Number of examples of a slice: those with a value, or all if the metric has none."""
    known = sum(value is not None for value in found.each)
    return known if found.value is not None else len(inside)


def _table(rows: Sequence[Sequence[float]], starts: Sequence[int]) -> Array:
    return np.array(rows, dtype=np.float64).reshape(-1, len(starts))


def window_middles(lengths: Array | Sequence[int], starts: Sequence[int]) -> Array:
    """Mean token position of each window; lengths [..., S]."""
    return np.array(starts) + (np.asarray(lengths, dtype=np.float64) - 1) / 2
