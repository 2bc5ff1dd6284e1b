"""Copy or character? The gain of the user's own profile, split by kinds of tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.metrics.slices import slice_names
from harness.record.token_file import KINDS, Kind, TokenValues
from harness.reports.tokens.gains import (
    Matrix,
    Tokens,
    empty_gain,
    other_gain,
    slice_tokens_of,
    stacked,
    topic_gain,
)
from harness.statistics import RATIO, Array, Interval, Statistic, interval
from harness.statistics.panel import PERCENT


@dataclass(frozen=True)
class KindGain:
    """The gain on tokens of one kind: slice tokens in which a token of the backbone ends.

    A token that ends later covers the others, such as the dots of `...`, which are of no kind.

    tokens: their share of those of all kinds, in %.
    gain: their part of the gain, in nats per slice token of the whole text, mean over texts; the
    parts of all kinds add up to the lift. topic, empty: the same over topic-matched users, and over
    no profile.
    share: `gain` in % of the total; no value where there is no total gain to split.
    per_token: nats per slice token of this kind.
    by_slice: the same in each slice of the text, by its name.
    """

    kind: Kind
    tokens: Interval
    gain: Interval
    share: Interval
    per_token: Interval
    topic: Interval
    empty: Interval
    by_slice: dict[str, Interval]


@dataclass(frozen=True)
class Split:
    """The gain of one system by kind, and in total.

    uncounted: share of slice tokens in which no token of the backbone ends, in %; None if the
    records do not say how many slice tokens there are.
    """

    system: str
    seeds: int
    uncounted: float | None
    total: Interval
    kinds: tuple[KindGain, ...]

    @property
    def gains(self) -> bool:
        """Whether there is a gain to split: its interval lies above 0."""
        return (self.total.low or 0.0) > 0


def split_of(tokens: Tokens) -> Split:
    """The gain of one system by kind."""
    lengths = slice_tokens_of(tokens)
    own = _columns(tokens, other_gain, lengths)
    total = _interval(tokens, own, lambda sums: sums[..., :-1].sum(axis=-1) / _positive(sums))
    gains = (total.low or 0.0) > 0
    counts = stacked([tokens.texts(run, _ended(run)) for run in tokens.runs])
    topic, empty = (_columns(tokens, of, lengths) for of in (topic_gain, empty_gain))
    raw = stacked([tokens.texts(run, _by_kind(run, other_gain(run))) for run in tokens.runs])
    kinds = tuple(
        KindGain(
            kind,
            tokens=_interval(tokens, counts, lambda sums, at=at: 100 * _part(sums, at), PERCENT),
            gain=_mean(tokens, own, at),
            share=_interval(tokens, own, lambda sums, at=at: 100 * _part(sums[..., :-1], at))
            if gains
            else Interval(None, None, None, total.users, reason="no gain to split"),
            per_token=_ratio(tokens, raw[..., at], counts[..., at]),
            topic=_mean(tokens, topic, at),
            empty=_mean(tokens, empty, at),
            by_slice=_by_slice(tokens, at),
        )
        for at, kind in enumerate(KINDS)
    )
    return Split(tokens.system.name, len(tokens.runs), _uncounted(counts, lengths), total, kinds)


def _uncounted(ended: Array, lengths: Array) -> float | None:
    """Share of slice tokens that are of no kind, in %.

    ended: slice tokens of each kind in each run and text [S,N,3]. lengths: all of each text [N].
    """
    total = len(ended) * lengths.sum()
    return 100 * (1 - float(ended[:, lengths > 0].sum() / total)) if total else None


def _columns(tokens: Tokens, of: Matrix, lengths: Array) -> Array:
    """Rows [S,N,4] of each text: gain by kind per slice token of the text, and 1."""
    known = (lengths > 0).astype(np.float64)[:, None]
    each = stacked([tokens.texts(run, _by_kind(run, of(run))) for run in tokens.runs])
    weights = np.broadcast_to(known, (len(each), *known.shape))
    return np.concatenate([each / np.maximum(lengths, 1.0)[:, None], weights], axis=-1)


def _by_kind(run: TokenValues, column: Array) -> Array:
    """The column in one column for each kind, 0 elsewhere [T,3]."""
    parts: Array = column[:, None] * (run.kind[:, None] == np.arange(len(KINDS)))
    return parts


def _ended(run: TokenValues) -> Array:
    """1 in the column of its kind for the first token that ends in a slice token [T,3]."""
    new = np.ones(len(run.kind))
    same = (np.diff(run.example) == 0) & (np.diff(run.slice_token) == 0)
    new[1:][same] = 0.0
    return _by_kind(run, new)


def _by_slice(tokens: Tokens, at: int) -> dict[str, Interval]:
    """Nats per slice token of one kind in each slice."""
    starts = tokens.system.record.slice_starts
    found = {}
    ends = [*starts[1:], np.inf]
    for name, start, end in zip(slice_names(starts), starts, ends, strict=True):
        rows = []
        for run in tokens.runs:
            here = (run.kind == at) & (run.slice_token >= start) & (run.slice_token < end)
            pair = np.stack([other_gain(run), _ended(run)[:, at]], axis=1)
            rows.append(tokens.texts(run, pair * here[:, None]))
        gain, count = np.moveaxis(stacked(rows), -1, 0)
        found[name] = _ratio(tokens, gain, count)
    return found


def _ratio(tokens: Tokens, first: Array, second: Array) -> Interval:
    rows = np.stack([first, second], axis=-1)
    return interval(RATIO, rows, tokens.panel, tokens.trained)


def _mean(tokens: Tokens, rows: Array, at: int) -> Interval:
    return _interval(tokens, rows, lambda sums: sums[..., at] / _positive(sums))


def _interval(
    tokens: Tokens, rows: Array, value: object, scale: tuple[float, float] | None = None
) -> Interval:
    statistic = Statistic(value, scale=scale)  # type: ignore[arg-type]
    return interval(statistic, rows, tokens.panel, tokens.trained)


def _positive(sums: Array) -> Array:
    """The last column, at least a little: how many texts there are."""
    return np.maximum(sums[..., -1], 1e-12)


def _part(sums: Array, at: int) -> Array:
    """One column over the sum of all; 0 where that is 0."""
    total = sums.sum(axis=-1)
    return np.asarray(sums[..., at] / np.where(total == 0, 1.0, total))
