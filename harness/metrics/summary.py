"""A score with its 95 % interval: what a record and `harness score` report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isclose

from harness.statistics import MEAN, PERCENT_MEAN, Panel, Statistic, interval, mean_rows
from harness.types import Score

OWN_SCALE = "scale:own"
"""In the signature of a metric that does not live on 0–100."""


def with_interval(
    name: str,
    score: Score,
    predictions: Sequence[str],
    references: Sequence[str],
    panel: Panel,
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

        rows = bleu_statistics(predictions, references, bleu_tokenizer)
        found = interval(Statistic(bleu_of), rows, panel)
        return replace(score, low=found.low, high=found.high)
    return mean_interval(score, panel, MEAN if OWN_SCALE in score.signature else PERCENT_MEAN)


def mean_interval(score: Score, panel: Panel, statistic: Statistic) -> Score:
    """`score`, a mean over examples, with its bootstrap-t interval within the statistic's scale."""
    if score.value is None or all(value is None for value in score.each):
        return score
    rows = mean_rows(score.each)
    mean = float(statistic.value(rows.sum(axis=0)))
    if not isclose(mean, score.value, rel_tol=1e-9, abs_tol=1e-9):
        return score  # the value is not the mean of its examples
    found = interval(statistic, rows, panel)
    return replace(score, low=found.low, high=found.high)
