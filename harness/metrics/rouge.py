"""ROUGE by rouge-score, without stemming: F1 of each example; the corpus value is their mean."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache, cached_property, lru_cache
from importlib.metadata import version
from typing import ClassVar

from harness.metrics.base import MeanMetric, Pair
from harness.metrics.coverage import dropped_by_rouge
from harness.metrics.words import UnicodeWords, shared_ngrams

KEPT = 1024
"""Texts whose words are kept."""


class Rouge(MeanMetric):
    """F1 of the overlap of two texts, 0–100. Lin 2004.

    tokenizer: `default` is rouge-score's, which drops everything but a–z and 0–9; `unicode` is
    `metrics.words`. No value where the tokenizer does not see the references.
    """

    options: ClassVar = {"tokenizer": "tokenizer"}
    remedy = "rouge-score keeps a–z and 0–9 only; --set eval.tokenizer=unicode sees every script"
    lines = ""

    def __init__(self, tokenizer: str = "default") -> None:
        self._tokenizer = tokenizer

    @cached_property
    def _words(self) -> Callable[[str], tuple[str, ...]]:
        """Found for the first text: the import takes a second, which a comparison does without."""
        return _splitter(self._tokenizer)

    @property
    def signature(self) -> str:
        words = "" if self._tokenizer == "default" else f"|tok:{self._tokenizer}"
        return f"{self.name}|stem:no{self.lines}{words}|rouge-score:{version('rouge-score')}"

    def _of_matches(self, hits: int, texts: int, references: int) -> float:
        """rouge-score's F1, from what matches and what the text and the reference have."""
        from rouge_score.scoring import fmeasure

        return 100 * float(fmeasure(hits / max(texts, 1), hits / max(references, 1)))

    def unseen(self, text: str) -> int:
        return dropped_by_rouge(text) if self._tokenizer == "default" else 0


@cache
def _splitter(tokenizer: str) -> Callable[[str], tuple[str, ...]]:
    """Splits texts into words; the last texts' are kept, since all kinds of ROUGE need them."""
    if tokenizer == "unicode":
        split = UnicodeWords().tokenize
    else:
        from rouge_score.tokenizers import DefaultTokenizer

        split = DefaultTokenizer().tokenize
    return lru_cache(maxsize=KEPT)(lambda text: tuple(split(text)))


class RougeN(Rouge):
    """F1 of shared n-grams."""

    order: ClassVar[int]

    def score(self, pair: Pair) -> float:
        text, reference = map(self._words, (pair.prediction, pair.reference))
        hits = shared_ngrams(text, reference, self.order)
        most, whole = (max(len(each) - self.order + 1, 0) for each in (text, reference))
        return self._of_matches(hits, most, whole)


class Rouge1(RougeN):
    """F1 of shared words."""

    name = "rouge1"
    title = "ROUGE-1"
    by_pair = True
    order = 1
    brief = False


class Rouge2(RougeN):
    """F1 of shared word pairs."""

    name = "rouge2"
    title = "ROUGE-2"
    by_pair = True
    order = 2
    brief = False


class RougeL(Rouge):
    """F1 of the longest common subsequence of the whole texts."""

    name = "rougeL"
    title = "ROUGE-L"
    by_pair = True

    def score(self, pair: Pair) -> float:
        """rouge-score's number without its table of all prefixes, which takes milliseconds."""
        text, reference = map(self._words, (pair.prediction, pair.reference))
        return self._of_matches(common_length(text, reference), len(text), len(reference))


@lru_cache(maxsize=KEPT)
def common_length(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Length of the longest common subsequence, with a bit for each item of `one` (Hyyrö 2004)."""
    places, every = defaultdict[str, int](int), (1 << len(one)) - 1
    for index, item in enumerate(one):
        places[item] |= 1 << index
    unmatched = every
    for item in other:
        hits = unmatched & places[item]
        unmatched = ((unmatched + hits) | (unmatched - hits)) & every
    return len(one) - unmatched.bit_count()


class RougeLsum(RougeL):
    """F1 of the longest common subsequences, line by line. Lin 2004, 3.2.

    Lines are split at newlines, as in rouge-score; a text without a newline is a single line.
    """

    name = "rougeLsum"
    title = "ROUGE-Lsum"
    by_pair = True
    brief = False
    lines = "|split:newline"

    def score(self, pair: Pair) -> float:
        """rouge-score's number without its table of all prefixes, which takes minutes for a text of
        10,000 lines."""
        if "\n" not in pair.prediction + pair.reference:
            return super().score(pair)
        texts, references = (
            [self._words(line) for line in text.split("\n") if line]
            for text in (pair.prediction, pair.reference)
        )
        written, given = (Counter(word for line in lines for word in line)
                          for lines in (texts, references))  # fmt: skip
        if not written or not given:
            return 0.0
        length, whole = written.total(), given.total()
        # 1. Equal lines have equal subsequences, and a line without a shared word has none.
        distinct = [(line, set(line)) for line in dict.fromkeys(texts)]
        hits = 0
        for line in references:
            words = set(line)
            places = {
                place
                for text, own in distinct
                if not words.isdisjoint(own)
                for place in common_places(line, text)
            }
            # 2. A word counts at most as often as each of the two texts has it.
            for word in (line[place] for place in sorted(places)):
                if written[word] > 0 and given[word] > 0:
                    hits += 1
                    written[word] -= 1
                    given[word] -= 1
        return self._of_matches(hits, length, whole)


def common_places(reference: Sequence[str], text: Sequence[str]) -> list[int]:
    """Where in `reference` its longest common subsequence with `text` is: rouge-score's choice.

    One bit of a row stands for one word of `text`, and a zero adds one to the length (Hyyrö 2004).
    """
    places, every = defaultdict[str, int](int), (1 << len(text)) - 1
    for index, word in enumerate(text):
        places[word] |= 1 << index
    rows = [every]  # of each prefix of `reference`
    for word in reference:
        hits = rows[-1] & places[word]
        rows.append(((rows[-1] + hits) | (rows[-1] - hits)) & every)

    def ones(row: int, end: int) -> int:
        return (rows[row] & ((1 << end) - 1)).bit_count()

    at, end = len(reference), len(text)
    found: list[int] = []
    while at and end:
        if reference[at - 1] == text[end - 1]:
            at, end = at - 1, end - 1
            found.append(at)
        elif ones(at, end - 1) < ones(at - 1, end) - 1:
            # the length of (at, end − 1) is end − 1 − ones(…): more than that of (at − 1, end)
            end -= 1
        else:
            at -= 1
    return found
