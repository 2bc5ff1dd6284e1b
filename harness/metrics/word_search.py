"""BM25 of many queries over large documents: the scores of rank_bm25, to the last bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from math import log

import numpy as np
from numpy.typing import NDArray

from harness.statistics import Array

K1, B, EPSILON = 1.5, 0.75, 0.25
"""rank_bm25's defaults."""


class WordSearch:
    """An index for `scores`.

    documents: texts, split at white space; read one at a time.
    words: those that queries may have.

    rank_bm25 looks every word of a query up in every document, and holds all documents as lists of
    strings: minutes and gigabytes for 4,560 profiles. Here a word has a list of its documents.
    """

    def __init__(self, documents: Iterable[str], words: Set[str]) -> None:
        holders: dict[str, list[int]] = {word: [] for word in words}
        times: dict[str, list[int]] = {word: [] for word in words}
        lengths, documents_of = list[int](), dict[str, int]()
        for place, document in enumerate(documents):
            counts = Counter(document.split())
            lengths.append(counts.total())
            for word in counts:
                documents_of[word] = documents_of.get(word, 0) + 1
            for word in words & counts.keys():
                holders[word].append(place)
                times[word].append(counts[word])
        self._size = len(lengths)
        self._added: dict[str, tuple[NDArray[np.int64], Array]] = {}
        if not documents_of:  # no document has a word: there is no mean length to divide by
            return
        weights = _weights(documents_of, self._size)
        mean = sum(lengths) / self._size
        penalties = K1 * (1 - B + B * np.array(lengths) / mean)
        for word, found in holders.items():
            if found:
                inside, often = np.array(found), np.array(times[word])
                added = weights[word] * (often * (K1 + 1) / (often + penalties[inside]))
                self._added[word] = inside, added

    def scores(self, query: Sequence[str]) -> Array:
        """The score of every document; a word counts as often as the query has it."""
        found = np.zeros(self._size)
        for word in query:
            if word in self._added:
                documents, added = self._added[word]
                found[documents] += added
        return found


def _weights(documents_of: dict[str, int], size: int) -> dict[str, float]:
    """BM25Okapi's inverse document frequencies; words in most documents have a small one."""
    weights = {
        word: log(size - count + 0.5) - log(count + 0.5) for word, count in documents_of.items()
    }
    total = 0.0
    for weight in weights.values():  # one by one, as rank_bm25 adds: `sum` may round otherwise
        total += weight
    floor = EPSILON * (total / len(weights))
    return {word: weight if weight >= 0 else floor for word, weight in weights.items()}
