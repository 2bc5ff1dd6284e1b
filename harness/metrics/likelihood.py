"""Likelihood by position: NLL of the reference, from model tokens to slice tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from harness.metrics.drift import drift, mean_positions
from harness.metrics.slices import SIGNATURE, signature_of, slice_names, slice_of, slice_tokens
from harness.metrics.statistics.bootstrap import RESAMPLES, bca
from harness.metrics.statistics.users import Array, resampling_rng, sums_by_user
from harness.settings import EvalSettings
from harness.types import Score

Per = Literal["slice token", "model token"]


@dataclass(frozen=True)
class SliceNll:
    """One reference's NLL in nats, summed in each slice, with its tokens of both kinds there."""

    nll: tuple[float, ...]
    slice_tokens: tuple[int, ...]
    model_tokens: tuple[int, ...]
    positions: tuple[float, ...]

    def reaches_all(self) -> bool:
        return all(self.slice_tokens)

    def as_dict(self) -> dict[str, Any]:
        """For a record: `nll` is the mean per slice token, `nll_slices` the sums by slice."""
        tokens = sum(self.slice_tokens)
        return {
            "nll": sum(self.nll) / tokens if tokens else None,
            "nll_slices": list(self.nll),
            "slice_tokens": list(self.slice_tokens),
            "model_tokens": list(self.model_tokens),
            "positions": list(self.positions),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> SliceNll:
        """The inverse of `as_dict`."""
        names = ("nll_slices", "slice_tokens", "model_tokens", "positions")
        return cls(*(tuple(fields[name]) for name in names))


def nll_by_slice(
    reference: str, logprobs: Sequence[float], ends: Sequence[int], starts: Sequence[int]
) -> SliceNll:
    """Sums −log p of model tokens into slices.

    logprobs: natural logs, one a model token; ends: the offset in `reference` where each model
    token's characters end, rising; leave the end token out. A model token belongs to the slice
    token in which it ends; one that ends in white space belongs to the next, and after the
    last to the last. Raises ValueError where the lengths differ, ends fall or pass the text.
    """
    if len(logprobs) != len(ends):
        raise ValueError(f"{len(logprobs)} logprobs for {len(ends)} ends; expected one a token")
    if list(ends) != sorted(ends) or (ends and not 0 <= ends[0] <= ends[-1] <= len(reference)):
        raise ValueError(f"ends {list(ends)!r:.80}; expected rising offsets up to {len(reference)}")
    word_ends = [end for _, end in slice_tokens(reference)]
    nll = [0.0] * len(starts)
    model = [0] * len(starts)
    for logprob, end in zip(logprobs, ends, strict=True):
        word = min(bisect_left(word_ends, end), max(len(word_ends) - 1, 0))
        at = slice_of(word, starts)
        nll[at] -= logprob
        model[at] += 1
    words = [0] * len(starts)
    for word in range(len(word_ends)):
        words[slice_of(word, starts)] += 1
    places = mean_positions(reference, starts)
    return SliceNll(tuple(nll), tuple(words), tuple(model), tuple(places))


def relative(own: Sequence[SliceNll], backbone: Sequence[SliceNll]) -> list[SliceNll]:
    """NLL of each reference minus the untrained backbone's in the same slice.

    Below 0: the method finds the text more likely. Raises ValueError where the two do not
    measure the same references.
    """
    found = []
    for at, (one, base) in enumerate(zip(own, backbone, strict=True)):
        if one.slice_tokens != base.slice_tokens:
            raise ValueError(
                f"example {at} has slice tokens {one.slice_tokens} and {base.slice_tokens};"
                " expected the same reference"
            )
        nll = tuple(a - b for a, b in zip(one.nll, base.nll, strict=True))
        found.append(replace(one, nll=nll))
    return found


def likelihood_scores(
    rows: Sequence[SliceNll],
    user_ids: Sequence[str],
    starts: Sequence[int],
    fingerprint: str,
    per: Per = "slice token",
    resamples: int = RESAMPLES,
) -> dict[str, Score]:
    """Mean NLL per token of each slice and of "all", with BCa intervals over users.

    The value is Σ NLL / Σ tokens; `each` has every example's own mean, None where it has no
    token there. Per slice token is comparable across tokenizers, per model token is not.
    """
    nll = np.array([row.nll for row in rows]).reshape(-1, len(starts))
    counts = [row.slice_tokens if per == "slice token" else row.model_tokens for row in rows]
    tokens = np.array(counts, dtype=np.float64).reshape(-1, len(starts))
    found = {"all": _score("all", nll.sum(1), tokens.sum(1), user_ids, fingerprint, per, resamples)}
    for at, name in enumerate(slice_names(starts)):
        found[name] = _score(name, nll[:, at], tokens[:, at], user_ids, fingerprint, per, resamples)
    return found


def likelihood_drift(
    rows: Sequence[SliceNll],
    user_ids: Sequence[str],
    starts: Sequence[int],
    fingerprint: str,
    resamples: int = RESAMPLES,
) -> Score:
    """Slope of NLL per slice token, per 100 tokens, over the examples that reach every slice.

    Above 0: later tokens are harder. Give it `relative` rows for the drift beside the
    untrained backbone. `each` covers every example, None for those that are left out.
    """
    pairs = list(zip(rows, user_ids, strict=True))
    kept = [at for at, (row, _) in enumerate(pairs) if row.reaches_all()]
    nll, tokens, positions = (
        np.array([part(rows[at]) for at in kept], dtype=np.float64).reshape(-1, len(starts))
        for part in (_nll, _tokens, _positions)
    )
    found = drift(
        nll,
        tokens,
        positions,
        [user_ids[at] for at in kept],
        f"nll|nats per slice token|{signature_of(starts)}",
        fingerprint,
        resamples,
    )
    each: list[float | None] = [None] * len(rows)
    for at, value in zip(kept, found.each, strict=True):
        each[at] = value
    return replace(found, each=tuple(each))


def likelihood_summary(
    rows: Sequence[SliceNll], user_ids: Sequence[str], fingerprint: str, settings: EvalSettings
) -> dict[str, Any]:
    """What a record says of likelihood: mean NLL per token, overall and by slice, and drift."""
    starts, resamples = settings.slices, settings.resamples
    models = likelihood_scores(rows, user_ids, starts, fingerprint, "model token", resamples)
    found = nll_summary(rows, user_ids, fingerprint, settings)
    for each in found["slices"]:
        each["per_model_token"] = models[each["slice"]].value
    return found | {
        "per_model_token": models["all"].value,
        "signature": f"nll|nats per slice token|slice:all|{SIGNATURE}",
    }


def nll_summary(
    rows: Sequence[SliceNll], user_ids: Sequence[str], fingerprint: str, settings: EvalSettings
) -> dict[str, Any]:
    """Mean NLL per slice token, overall and by slice, and drift: of any rows, `relative` too."""
    starts, resamples = settings.slices, settings.resamples
    scores = likelihood_scores(rows, user_ids, starts, fingerprint, "slice token", resamples)
    slope = likelihood_drift(rows, user_ids, starts, fingerprint, resamples)
    return {
        **_ends(scores["all"]),
        "slices": [
            {"slice": name, "from": start, "examples": _members(scores[name])} | _ends(scores[name])
            for name, start in zip(slice_names(starts), starts, strict=True)
        ],
        "drift": {"examples": _members(slope), **_ends(slope), "missing": slope.missing},
    }


def _ends(score: Score) -> dict[str, Any]:
    return {"value": score.value, "low": score.low, "high": score.high}


def _members(score: Score) -> int:
    return sum(value is not None for value in score.each)


def _nll(row: SliceNll) -> Sequence[float]:
    return row.nll


def _tokens(row: SliceNll) -> Sequence[float]:
    return row.slice_tokens


def _positions(row: SliceNll) -> Sequence[float]:
    return row.positions


def _ratio(sums: Array) -> Array:
    # a resample of users without a token there counts as 0 over 1
    return np.asarray(sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], 1.0))


def _score(
    name: str,
    nll: Array,
    tokens: Array,
    user_ids: Sequence[str],
    fingerprint: str,
    per: Per,
    resamples: int,
) -> Score:
    there = tokens > 0
    each = tuple(
        float(a / b) if b else None for a, b in zip(nll.tolist(), tokens.tolist(), strict=True)
    )
    signature = f"nll|nats per {per}|slice:{name}|{SIGNATURE}"
    if not there.any():
        return Score(None, each, signature, missing=f"no reference has a token in slice {name}")
    users = [user for user, inside in zip(user_ids, there, strict=True) if inside]
    sums = sums_by_user(np.stack([nll[there], tokens[there]], axis=1), users)
    interval = bca(sums, _ratio, resampling_rng(fingerprint), resamples)
    return Score(interval.value, each, signature, interval.low, interval.high)
