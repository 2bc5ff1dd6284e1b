"""Measures that are known to be bad: what a trial says of them shows that it can tell."""

from __future__ import annotations

from harness.metrics.base import MeanMetric, Pair
from harness.metrics.text_quality import tokens
from harness.metrics.words import ngrams


class TextLength(MeanMetric):
    """The number of a text's words: longer is better, whatever it says."""

    name = "text length"
    unit = "tokens"

    def score(self, pair: Pair) -> float:
        return len(tokens(pair.prediction))


class ProfileOverlap(MeanMetric):
    """The share of a text's word pairs that occur in the profile, in %: a copy is perfect."""

    name = "profile overlap"
    unit = "%"

    def score(self, pair: Pair) -> float:
        own = list(ngrams(tokens(pair.prediction), 2))
        profile = {
            pair_of_words
            for entry in pair.example.profile
            for field in entry.values()
            for pair_of_words in ngrams(tokens(field), 2)
        }
        return 100 * sum(each in profile for each in own) / max(len(own), 1)


CONTROLS = (TextLength, ProfileOverlap)
"""In the order of the tables."""
