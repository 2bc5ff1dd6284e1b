"""ROUGE by rouge-score, without stemming: F1 per example, the corpus value is the mean."""

from __future__ import annotations

from importlib.metadata import version
from typing import ClassVar

from harness.metrics.base import MeanMetric, Pair
from harness.metrics.letters import dropped_by_rouge
from harness.metrics.words import UnicodeWords


class Rouge(MeanMetric):
    """F1 of what two texts share, 0–100. Lin 2004.

    tokenizer: `default` is rouge-score's own, which drops all but a–z and 0–9; `unicode` is
    `metrics.words`. Where the first does not see the references there is no value.
    """

    options: ClassVar = {"tokenizer": "tokenizer"}
    remedy = "rouge-score keeps a–z and 0–9 only; --set eval.tokenizer=unicode sees every script"
    lines = ""

    def __init__(self, tokenizer: str = "default") -> None:
        from rouge_score.rouge_scorer import RougeScorer  # slow to import

        self._tokenizer = tokenizer
        own = UnicodeWords() if tokenizer == "unicode" else None
        self._scorer = RougeScorer([self.name], use_stemmer=False, tokenizer=own)

    @property
    def signature(self) -> str:
        words = "" if self._tokenizer == "default" else f"|tok:{self._tokenizer}"
        return f"{self.name}|stem:no{self.lines}{words}|rouge-score:{version('rouge-score')}"

    def score(self, pair: Pair) -> float:
        found = self._scorer.score(pair.reference, pair.prediction)
        return 100 * float(found[self.name].fmeasure)

    def unseen(self, text: str) -> int:
        return dropped_by_rouge(text) if self._tokenizer == "default" else 0


class Rouge1(Rouge):
    """Of single words."""

    name = "rouge1"
    title = "ROUGE-1"


class Rouge2(Rouge):
    """Of word pairs."""

    name = "rouge2"
    title = "ROUGE-2"


class RougeL(Rouge):
    """Of the longest common subsequence of the whole texts."""

    name = "rougeL"
    title = "ROUGE-L"


class RougeLsum(Rouge):
    """Of the union of longest common subsequences line by line. Lin 2004, 3.2.

    Lines are split at newlines, as rouge-score does; a text without one is a single line.
    """

    name = "rougeLsum"
    title = "ROUGE-Lsum"
    lines = "|split:newline"
