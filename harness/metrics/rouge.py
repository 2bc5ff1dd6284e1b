"""ROUGE by rouge-score, without stemming: F1 per example, the corpus value is the mean."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from rouge_score.rouge_scorer import RougeScorer

from harness.metrics.means import mean_score
from harness.types import Score


def rouge1(predictions: Sequence[str], references: Sequence[str]) -> Score:
    """F1 of single words, 0–100. Lin 2004."""
    return _rouge("rouge1", predictions, references)


def rouge2(predictions: Sequence[str], references: Sequence[str]) -> Score:
    """F1 of word pairs, 0–100. Lin 2004."""
    return _rouge("rouge2", predictions, references)


def rougeL(predictions: Sequence[str], references: Sequence[str]) -> Score:  # noqa: N802
    """F1 of the longest common subsequence of the whole texts, 0–100. Lin 2004."""
    return _rouge("rougeL", predictions, references)


def rougeLsum(predictions: Sequence[str], references: Sequence[str]) -> Score:  # noqa: N802
    """F1 of the union of longest common subsequences line by line, 0–100. Lin 2004, 3.2.

    Lines are split at newlines, as rouge-score does; a text without one is a single line.
    """
    return _rouge("rougeLsum", predictions, references)


def _rouge(name: str, predictions: Sequence[str], references: Sequence[str]) -> Score:
    scorer = RougeScorer([name], use_stemmer=False)
    each = tuple(
        100 * float(scorer.score(reference, prediction)[name].fmeasure)
        for prediction, reference in zip(predictions, references, strict=True)
    )
    lines = "|split:newline" if name == "rougeLsum" else ""
    return mean_score(each, f"{name}|stem:no{lines}|rouge-score:{version('rouge-score')}")
