"""What a text is like, whatever it says: its length, repetition, variety, and what it copies.

These measures say what kind of text a score belongs to. A text that loops, or that repeats its
user's profile, can win a metric of overlap. They are shown beside every score, for the references
too, and no verdict is made about them: closest to the references is best.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import chain

import numpy as np

from harness.metrics.base import MeanMetric, Metric, Pair
from harness.metrics.run_filter import may_share
from harness.metrics.slices import TOKEN, TOKENIZER
from harness.metrics.words import ngrams
from harness.statistics import Array
from harness.statistics.panel import ratio

COPIED, REPEATED = 8, 4
"""Tokens of an n-gram that counts as copied from the profile, and as repeated."""


def tokens(text: str) -> list[str]:
    """Slice tokens of the lower-cased text."""
    return TOKEN.findall(text.lower())


class LengthRatio(Metric):
    """Slice tokens of all texts over those of all references, in %."""

    name = "length"
    title = "length ÷ reference"
    by_pair = True
    unit = "% of the references"
    digits = 0

    @property
    def signature(self) -> str:
        return f"{self.name}|tok:{TOKENIZER}|all texts"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array(
            [[len(tokens(pair.prediction)), len(tokens(pair.reference))] for pair in pairs], float
        ).reshape(-1, 2)

    def value(self, sums: Array) -> Array:
        return 100 * ratio(sums)


class OfTokens(MeanMetric):
    """A share of a text's tokens or n-grams, in %."""

    unit = "%"
    digits = 1

    @property
    def signature(self) -> str:
        return f"{self.name}|tok:{TOKENIZER}|lower|mean"


class RepeatedNgrams(OfTokens):
    """Share of a text's 4-grams that stood in it before, in %: seq-rep-4 of Welleck et al. 2020
    (arXiv:1908.04319). A text of fewer than four tokens has no value.
    """

    name = "repeated_4grams"
    title = "repeated 4-grams"
    by_pair = True
    better = "lower"

    def score(self, pair: Pair) -> float | None:
        found = list(ngrams(tokens(pair.prediction), REPEATED))
        return 100 * (1 - len(set(found)) / len(found)) if found else None


class Distinct(OfTokens):
    """Different bigrams over all bigrams of a text, in %: distinct-2 of Li et al. 2016
    (arXiv:1510.03055), of each text by itself. Longer texts have a lower value.
    """

    name = "distinct_2"
    title = "distinct-2"
    by_pair = True

    def score(self, pair: Pair) -> float | None:
        found = list(ngrams(tokens(pair.prediction), 2))
        return 100 * len(set(found)) / len(found) if found else None


class Copied(OfTokens):
    """Share of a text's tokens inside an 8-gram of its user's profile, in %.

    N-grams do not reach across the fields of an entry. A text of fewer than eight tokens has no
    value.
    """

    name = "copied_8grams"
    title = "copied from the profile"
    by_pair = True
    better = "lower"

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float | None] = {}

    def score(self, pair: Pair) -> float | None:
        """The reference is scored with the text, so that a profile is read once for both."""
        name = pair.example.id
        if (name, pair.prediction) not in self._known:
            both = [each for each in (pair.prediction, pair.reference)
                    if (name, each) not in self._known]  # fmt: skip
            shares = copied_shares(list(map(tokens, both)), pair.example.profile)
            self._known.update(
                {(name, each): share for each, share in zip(both, shares, strict=True)}
            )
        return self._known[name, pair.prediction]


def copied_shares(
    texts: Sequence[Sequence[str]], profile: Sequence[Mapping[str, str]]
) -> list[float | None]:
    """Of each text in tokens, the share inside an n-gram of the profile, in %; None if too short.

    profile: entries, with their fields.
    """
    fields = [field for entry in profile for field in entry.values()]
    grams = [list(ngrams(text, COPIED)) for text in texts]
    own, found = set(chain.from_iterable(grams)), set[tuple[Hashable, ...]]()
    for place in may_share(texts, fields, COPIED):
        found |= own.intersection(ngrams(tokens(fields[place]), COPIED))
    shares: list[float | None] = []
    for text, each in zip(texts, grams, strict=True):
        inside = np.zeros(len(text), bool)
        for start, gram in enumerate(each):
            if gram in found:
                inside[start : start + COPIED] = True
        shares.append(None if len(text) < COPIED else 100 * float(inside.mean()))
    return shares


TEXT_QUALITY: tuple[type[Metric], ...] = (LengthRatio, RepeatedNgrams, Distinct, Copied)
"""In the order of the tables."""
