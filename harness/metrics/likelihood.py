"""Likelihood of the references by position: NLL of model tokens, summed by slice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Literal

import numpy as np

from harness.metrics.drift import drift, mean_positions, slope_rows
from harness.metrics.slices import SIGNATURE, signature_of, slice_names, slice_of, slice_tokens
from harness.record import (
    Curve,
    Drift,
    Likelihood,
    NllSlice,
    SliceEstimate,
    SliceNll,
    ends_of,
)
from harness.statistics import RATIO, Array, Panel, interval
from harness.types import Score

Per = Literal["slice token", "model token"]


@dataclass(frozen=True)
class TokenLogprobs:
    """Log-probabilities of one reference, a model token each, without the end token.

    logprobs: natural logs.
    ends: where each token's characters end in the text, rising.
    """

    logprobs: Sequence[float]
    ends: Sequence[int]

    def by_slice(self, reference: str, starts: Sequence[int]) -> SliceNll:
        """The NLL of the text by slice."""
        return nll_by_slice(reference, self.logprobs, self.ends, starts)

    @property
    def known(self) -> bool:
        """Whether it has values."""
        return True

    @property
    def absent(self) -> TokenLogprobs:
        """The same reference without values: NaN for each token, and no NLL in any slice."""
        return NoLogprobs([nan] * len(self.ends), self.ends)


@dataclass(frozen=True)
class NoLogprobs(TokenLogprobs):
    """A reference that was not read, since its preface failed."""

    @property
    def known(self) -> bool:
        return False

    def by_slice(self, reference: str, starts: Sequence[int]) -> SliceNll:
        """The text's tokens by slice, with null for their NLL."""
        lengths = nll_by_slice(reference, [0.0] * len(self.ends), self.ends, starts)
        return replace(lengths, nll=None)


def slice_token_of(reference: str, ends: Sequence[int]) -> list[int]:
    """Index of the slice token that each model token belongs to.

    ends: where each model token's characters end in `reference`, rising.

    A model token belongs to the slice token in which it ends; one that ends in white space belongs
    to the next slice token, or to the last one at the end of the text. 0 where the text has no
    slice token. Raises ValueError if ends fall or exceed the text.
    """
    if list(ends) != sorted(ends) or (ends and not 0 <= ends[0] <= ends[-1] <= len(reference)):
        raise ValueError(f"ends {list(ends)!r:.80}; expected rising offsets up to {len(reference)}")
    word_ends = [end for _, end in slice_tokens(reference)]
    last = max(len(word_ends) - 1, 0)
    return [min(bisect_left(word_ends, end), last) for end in ends]


def nll_by_slice(
    reference: str, logprobs: Sequence[float], ends: Sequence[int], starts: Sequence[int]
) -> SliceNll:
    """Sum −log p of model tokens by slice.

    reference: the text.
    logprobs: natural logs, one for each model token, without the end token.
    ends: where each model token's characters end in `reference`, rising.
    starts: where slices begin, in slice tokens.

    A model token belongs to the slice of its `slice_token_of`. Raises ValueError if lengths differ,
    or ends fall or exceed the text.
    """
    if len(logprobs) != len(ends):
        raise ValueError(f"{len(logprobs)} logprobs for {len(ends)} ends; expected one a token")
    nll = [0.0] * len(starts)
    model = [0] * len(starts)
    for logprob, word in zip(logprobs, slice_token_of(reference, ends), strict=True):
        index = slice_of(word, starts)
        nll[index] -= logprob
        model[index] += 1
    words = [0] * len(starts)
    for word in range(len(slice_tokens(reference))):
        words[slice_of(word, starts)] += 1
    places = mean_positions(reference, starts)
    return SliceNll(
        nll=tuple(nll),
        slice_tokens=tuple(words),
        model_tokens=tuple(model),
        positions=tuple(places),
    )


def relative(own: Sequence[SliceNll], backbone: Sequence[SliceNll]) -> list[SliceNll]:
    """NLL of each reference minus the base model's in the same slice.

    Below 0: the method finds the text more likely. None where either is. Raises ValueError if the
    references differ.
    """
    found = []
    for index, (trained, base) in enumerate(zip(own, backbone, strict=True)):
        if trained.slice_tokens != base.slice_tokens:
            raise ValueError(
                f"example {index} has slice tokens {trained.slice_tokens} and {base.slice_tokens};"
                " expected the same reference"
            )
        nll = None
        if trained.nll is not None and base.nll is not None:
            nll = tuple(a - b for a, b in zip(trained.nll, base.nll, strict=True))
        found.append(replace(trained, nll=nll))
    return found


def likelihood_scores(
    rows: Sequence[SliceNll], starts: Sequence[int], panel: Panel, per: Per = "slice token"
) -> dict[str, Score]:
    """Mean NLL per token of each slice and of "all", with BCa intervals over users.

    rows: NLL of each example.
    starts: where slices begin, in slice tokens.
    panel: the users of the examples.
    per: the token to divide by; only slice tokens are comparable across tokenizers.

    The value is Σ NLL / Σ tokens; `each` holds every example's own mean, None where it has no
    token.
    """
    tokens = "slice_tokens" if per == "slice token" else "model_tokens"
    parts = np.stack([_column(rows, name, starts) for name in ("nll", tokens)], axis=-1)  # [N,S,2]
    by_slice = dict(zip(slice_names(starts), np.moveaxis(parts, 1, 0), strict=True))
    return {
        name: _score(name, part, panel, per)
        for name, part in {"all": parts.sum(axis=1), **by_slice}.items()
    }


def likelihood_drift(rows: Sequence[SliceNll], starts: Sequence[int], panel: Panel) -> Score:
    """Slope of NLL per slice token, per 100 tokens, over the examples that reach every slice.

    Above 0: later tokens are harder. With `relative` rows it is the drift compared with the base
    model's. `each` covers every example, None for those that are left out.
    """
    columns = [_column(rows, name, starts) for name in ("nll", "slice_tokens", "positions")]
    signature = f"nll|nats per slice token|{signature_of(starts)}"
    return drift(slope_rows(*columns), panel, signature)


def likelihood_summary(rows: Sequence[SliceNll], starts: Sequence[int], panel: Panel) -> Likelihood:
    """The record's entry on likelihood: mean NLL per token, overall and by slice, and drift."""
    models = likelihood_scores(rows, starts, panel, "model token")
    found = nll_summary(rows, starts, panel)
    return Likelihood(
        slices=tuple(
            NllSlice(**vars(each), per_model_token=models[each.slice].value)
            for each in found.slices
        ),
        drift=found.drift,
        per_model_token=models["all"].value,
        signature=f"nll|nats per slice token|slice:all|{SIGNATURE}",
        **ends_of(found),
    )


def nll_summary(rows: Sequence[SliceNll], starts: Sequence[int], panel: Panel) -> Curve:
    """Mean NLL per slice token, overall and by slice, and drift, of any rows (`relative` too)."""
    scores = likelihood_scores(rows, starts, panel)
    slope = likelihood_drift(rows, starts, panel)
    return Curve(
        slices=tuple(
            SliceEstimate(
                slice=name, start=start, examples=_members(scores[name]), **ends_of(scores[name])
            )
            for name, start in zip(slice_names(starts), starts, strict=True)
        ),
        drift=Drift(examples=_members(slope), **ends_of(slope)),
        **ends_of(scores["all"]),
    )


def _members(score: Score) -> int:
    return sum(value is not None for value in score.each)


def _column(rows: Sequence[SliceNll], name: str, starts: Sequence[int]) -> Array:
    """A field of the rows, by slice: [N,S]; 0 of a row without NLL, whose tokens do not count."""
    values = [[0] * len(starts) if row.nll is None else getattr(row, name) for row in rows]
    return np.array(values, dtype=np.float64).reshape(-1, len(starts))


def _score(name: str, rows: Array, panel: Panel, per: Per) -> Score:
    """NLL per token from rows (nats, tokens) [N,2]."""
    each = tuple(float(nll / tokens) if tokens else None for nll, tokens in rows.tolist())
    signature = f"nll|nats per {per}|slice:{name}|{SIGNATURE}"
    if not (rows[:, 1] > 0).any():
        return Score(None, each, signature, missing=f"no reference has a token in slice {name}")
    found = interval(RATIO, rows, panel)
    return Score(found.value, each, signature, found.low, found.high)
