"""A score with its 95 % interval: what a record and `harness score` report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isclose
from typing import Any

from harness.metrics.statistics.bootstrap import RESAMPLES, bca, studentized
from harness.metrics.statistics.users import mean_of, mean_sums, resampling_rng, sums_by_user
from harness.types import Score

PERCENT = (0.0, 100.0)
OWN_SCALE = "scale:own"
"""In the signature of a metric that does not live on 0–100."""


def with_interval(
    name: str,
    score: Score,
    user_ids: Sequence[str],
    predictions: Sequence[str],
    references: Sequence[str],
    fingerprint: str,
    resamples: int = RESAMPLES,
    bleu_tokenizer: str = "13a",
) -> Score:
    """`score` with low and high over users: BCa for corpus BLEU, else bootstrap-t of the mean.

    No interval where the corpus value is neither (some metrics of the evaluate package), where
    there is one user, or where the value is missing.
    """
    if score.value is None:
        return score
    if name == "bleu":
        from harness.metrics.bleu import bleu_of, bleu_statistics

        sums = sums_by_user(bleu_statistics(predictions, references, bleu_tokenizer), user_ids)
        interval = bca(sums, bleu_of, resampling_rng(fingerprint), resamples)
        return replace(score, low=interval.low, high=interval.high)
    scale = None if OWN_SCALE in score.signature else PERCENT
    return mean_interval(score, user_ids, fingerprint, resamples, scale)


def mean_interval(
    score: Score,
    user_ids: Sequence[str],
    fingerprint: str,
    resamples: int = RESAMPLES,
    scale: tuple[float, float] | None = None,
) -> Score:
    """`score`, a mean over examples, with its bootstrap-t interval, cut to the ends of `scale`."""
    if score.value is None or all(value is None for value in score.each):
        return score
    mean = float(mean_of(mean_sums(score.each, user_ids).sum(axis=0)))
    if not isclose(mean, score.value, rel_tol=1e-9, abs_tol=1e-9):
        return score  # the value is not the mean of its examples
    interval = studentized(score.each, user_ids, resampling_rng(fingerprint), resamples)
    if interval.low is None or interval.high is None or scale is None:
        return replace(score, low=interval.low, high=interval.high)
    return replace(score, low=max(interval.low, scale[0]), high=min(interval.high, scale[1]))


def ends_of(score: Score) -> dict[str, Any]:
    """A score as a record's number: value, low, high, and why there is none where it says so."""
    why = {"missing": score.missing} if score.missing else {}
    return {"value": score.value, "low": score.low, "high": score.high, **why}
