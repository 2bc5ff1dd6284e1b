"""ROUGE by rouge-score, without stemming: F1 of each example; the corpus value is their mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib.metadata import version
from typing import ClassVar

from harness.metrics.base import MeanMetric, Pair
from harness.metrics.coverage import dropped_by_rouge
from harness.metrics.words import UnicodeWords


class Rouge(MeanMetric):
    """F1 of the overlap of two texts, 0–100. Lin 2004.

    tokenizer: `default` is rouge-score's, which drops everything but a–z and 0–9; `unicode` is
    `metrics.words`. No value where the tokenizer does not see the references.
    """

    options: ClassVar = {"tokenizer": "tokenizer"}
    remedy = "rouge-score keeps a–z and 0–9 only; --set eval.tokenizer=unicode sees every script"
    lines = ""

    def __init__(self, tokenizer: str = "default") -> None:
        from rouge_score.rouge_scorer import RougeScorer  # slow to import
        from rouge_score.tokenizers import DefaultTokenizer

        self._tokenizer = tokenizer
        self._words = UnicodeWords() if tokenizer == "unicode" else DefaultTokenizer()
        self._scorer = RougeScorer([self.name], tokenizer=self._words)

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
    """Overlap of single words."""

    name = "rouge1"
    title = "ROUGE-1"
    brief = False


class Rouge2(Rouge):
    """Overlap of word pairs."""

    name = "rouge2"
    title = "ROUGE-2"
    brief = False


class RougeL(Rouge):
    """Longest common subsequence of the whole texts."""

    name = "rougeL"
    title = "ROUGE-L"

    def score(self, pair: Pair) -> float:
        """rouge-score's number without its table of all prefixes, which takes milliseconds."""
        from rouge_score.scoring import fmeasure

        text, reference = map(self._words.tokenize, (pair.prediction, pair.reference))
        if not text or not reference:
            return 0.0
        common = common_length(text, reference)
        return 100 * float(fmeasure(common / len(text), common / len(reference)))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, with a bit for each item of `one` (Hyyrö 2004)."""
    places, every = defaultdict[str, int](int), (1 << len(one)) - 1
    for index, item in enumerate(one):
        places[item] |= 1 << index
    unmatched = every
    for item in other:
        hits = unmatched & places[item]
        unmatched = ((unmatched + hits) | (unmatched - hits)) & every
    return len(one) - unmatched.bit_count()


class RougeLsum(Rouge):
    """Union of longest common subsequences, line by line. Lin 2004, 3.2.

    Lines are split at newlines, as in rouge-score; a text without a newline is a single line.
    """

    name = "rougeLsum"
    title = "ROUGE-Lsum"
    brief = False
    lines = "|split:newline"
