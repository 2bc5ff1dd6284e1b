"""ROUGE by rouge-score, without stemming: F1 per example, the corpus value is the mean.

tokenizer: `default` is rouge-score's own, which drops all but a–z and 0–9; `unicode` is
`metrics.words`. Where the first does not see the references there is no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from rouge_score.rouge_scorer import RougeScorer

from harness.metrics.letters import all_seen, dropped_by_rouge, judged
from harness.metrics.means import mean_score
from harness.metrics.words import UnicodeWords
from harness.types import Score

REMEDY = "rouge-score keeps a–z and 0–9 only; --set eval.tokenizer=unicode sees every script"


def rouge1(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = "default"
) -> Score:
    """F1 of single words, 0–100. Lin 2004."""
    return _rouge("rouge1", predictions, references, tokenizer)


def rouge2(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = "default"
) -> Score:
    """F1 of word pairs, 0–100. Lin 2004."""
    return _rouge("rouge2", predictions, references, tokenizer)


def rougeL(  # noqa: N802
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = "default"
) -> Score:
    """F1 of the longest common subsequence of the whole texts, 0–100. Lin 2004."""
    return _rouge("rougeL", predictions, references, tokenizer)


def rougeLsum(  # noqa: N802
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = "default"
) -> Score:
    """F1 of the union of longest common subsequences line by line, 0–100. Lin 2004, 3.2.

    Lines are split at newlines, as rouge-score does; a text without one is a single line.
    """
    return _rouge("rougeLsum", predictions, references, tokenizer)


def _rouge(
    name: str, predictions: Sequence[str], references: Sequence[str], tokenizer: str
) -> Score:
    own = UnicodeWords() if tokenizer == "unicode" else None
    scorer = RougeScorer([name], use_stemmer=False, tokenizer=own)
    each = tuple(
        100 * float(scorer.score(reference, prediction)[name].fmeasure)
        for prediction, reference in zip(predictions, references, strict=True)
    )
    lines = "|split:newline" if name == "rougeLsum" else ""
    words = "" if own is None else f"|tok:{tokenizer}"
    signature = f"{name}|stem:no{lines}{words}|rouge-score:{version('rouge-score')}"
    unseen = dropped_by_rouge if own is None else all_seen
    return judged(mean_score(each, signature), references, unseen, REMEDY)
