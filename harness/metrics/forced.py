"""The forced view: the reference is given up to a slice, the next tokens are written and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from harness.metrics.drift import drift, slope_rows
from harness.metrics.slices import SIGNATURE, signature_of, slice_names, slice_tokens
from harness.metrics.summary import with_interval
from harness.record import Drift, ForcedMetric, SliceEstimate, ends_of
from harness.statistics import Array, Panel
from harness.types import Score

WINDOW = 100
"""At most this many slice tokens are written from where a slice begins, and scored."""

Row = Sequence[str | None]
"""One example: the window written in each slice, None where its reference has no token."""


def window_lengths(reference: str, starts: Sequence[int], most: int = WINDOW) -> list[int]:
    """Slice tokens of the reference's window in each slice; 0 where it has ended before.

    A window begins where its slice does; it ends with the slice, the text, or `most` tokens.
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
    """The text of its slice tokens `start` to `start + length`, as far as there are such."""
    inside = slice_tokens(text)[start : start + length]
    return text[inside[0][0] : inside[-1][1]] if inside else ""


def up_to(text: str, token: int) -> str:
    """The text up to the end of its slice token `token` − 1; all of it where it ends before."""
    if token <= 0:
        return ""
    spans = slice_tokens(text)
    return text[: spans[token - 1][1]] if token <= len(spans) else text


def forced_scores(
    name: str,
    metric: Callable[[Sequence[str], Sequence[str]], Score],
    written: Sequence[Row],
    references: Sequence[str],
    starts: Sequence[int],
    panel: Panel,
    bleu_tokenizer: str = "13a",
) -> tuple[ForcedMetric, list[list[float | None]]]:
    """A metric of the windows: what a record says, and each example's value in each slice.

    The value is over all windows; slices and drift as for every view. A window that was not
    written is "" and scored so. Raises ValueError where a window was written for a slice that
    its reference does not reach, or not written where it does.
    """
    lengths = [window_lengths(reference, starts) for reference in references]
    places = [
        (row, at) for row, each in enumerate(lengths) for at, length in enumerate(each) if length
    ]
    for row, windows in enumerate(written):
        reached = [at for at, length in enumerate(lengths[row]) if length]
        given = [at for at, text in enumerate(windows) if text is not None]
        if reached != given:
            raise ValueError(f"row {row}: windows in slices {given}; its reference has {reached}")
    texts = [written[row][at] or "" for row, at in places]
    wanted = [window_of(references[row], starts[at], lengths[row][at]) for row, at in places]

    def scored(chosen: Sequence[int]) -> Score:
        if not chosen:
            return Score(None, (), SIGNATURE)
        rows = [texts[at] for at in chosen], [wanted[at] for at in chosen]
        inside = panel.only([places[at][0] for at in chosen])
        return with_interval(name, metric(*rows), *rows, inside, bleu_tokenizer)

    whole = scored(range(len(places)))
    each: list[list[float | None]] = [[None] * len(starts) for _ in references]
    slices = []
    for number, (slice_name, start) in enumerate(zip(slice_names(starts), starts, strict=True)):
        inside = [index for index, (_, at) in enumerate(places) if at == number]
        score = scored(inside)
        for index, value in zip(inside, score.each, strict=True):
            each[places[index][0]][number] = value
        slices.append(
            SliceEstimate(slice=slice_name, start=start, examples=len(inside), **ends_of(score))
        )
    slope = window_drift(each, references, starts, panel, whole.signature)
    unscored = [row.missing for row in slices if row.missing is not None]
    if unscored:
        slope = replace(slope, missing=unscored[0])
    signature = _signature(whole.signature, starts)
    found = ForcedMetric(signature=signature, slices=tuple(slices), drift=slope, **ends_of(whole))
    return found, each


def window_drift(
    each: Sequence[Sequence[float | None]],
    references: Sequence[str],
    starts: Sequence[int],
    panel: Panel,
    signature: str,
) -> Drift:
    """Slope of the windows' values over their middles, per 100 tokens, as a record says it.

    each: values [N][S] of the examples; only those with a value in every slice count.
    """
    shape = (len(each), len(starts))
    lengths = np.array([window_lengths(reference, starts) for reference in references])
    there = np.array([[value is not None for value in values] for values in each]).reshape(shape)
    values = np.array([[value or 0.0 for value in values] for values in each]).reshape(shape)
    middles = window_middles(lengths.reshape(shape), starts)
    rows = slope_rows(values, there.astype(np.float64), middles)
    slope = drift(rows, panel, _signature(signature, starts))
    return Drift(examples=int(there.all(axis=1).sum()), **ends_of(slope))


def window_middles(lengths: Array | Sequence[int], starts: Sequence[int]) -> Array:
    """Mean token position of each window; lengths [..., S]."""
    return np.array(starts) + (np.asarray(lengths, dtype=np.float64) - 1) / 2


def _signature(metric: str, starts: Sequence[int]) -> str:
    return f"{metric}|forced:{WINDOW}|{signature_of(starts)}"
