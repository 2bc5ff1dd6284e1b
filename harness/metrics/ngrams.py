"""An index of many texts by character n-grams, and the cosine of other texts with them.

The numbers are those of scikit-learn's TfidfVectorizer(analyzer="char", lowercase=False,
sublinear_tf=True). Its n-grams are Python strings, which takes minutes for profiles of 100 MB; here
an n-gram is one integer, so that NumPy sorts and counts them, and the index lies in files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.statistics import Array

SHORTEST, LONGEST = 2, 4
SPACES = re.compile(r"\s\s+")
CODE_POINTS = 0x110000
CODING = "utf-32-le", "surrogatepass"
MERGED = 1 << 24
"""N-grams that wait to be merged into the vocabulary: memory against sorting."""
ARRAYS = ("alphabet", "vocabulary", "idf", "starts")
"""Files of an index besides the two that are mapped into memory."""
TOGETHER = 4096
"""Texts that are compared at once."""

Keys = NDArray[np.unsignedinteger[Any]]
"""N-grams as integers, in the order of their characters; a shorter one is before a longer one."""


@dataclass(frozen=True)
class NgramIndex:
    """The n-grams of W texts, row by row.

    alphabet: different characters of all texts, as code points, rising.
    vocabulary: n-grams [V] of the texts that give the weights, rising.
    idf: weight of each [V].
    starts: row w is entries starts[w] to starts[w + 1] of the following two [W+1].
    columns: place in the vocabulary, rising within a row.
    counts: how often the n-gram occurs in the text.
    """

    alphabet: NDArray[np.uint32]
    vocabulary: Keys
    idf: Array
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    counts: NDArray[np.uint32]

    @classmethod
    def read(cls, folder: Path) -> NgramIndex:
        """The index that `write_index` wrote, mapped into memory."""
        arrays = {name: np.load(folder / f"{name}.npy") for name in ARRAYS}
        columns = _mapped(folder / "columns", np.int32)
        return cls(**arrays, columns=columns, counts=_mapped(folder / "counts", np.uint32))

    def cosines(
        self, texts: Sequence[str], candidates: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """The cosine of each text with each of its candidates.

        texts: to be compared.
        candidates: for each text, rows of the index.
        """
        found = []
        for start in range(0, len(texts), TOGETHER):
            end = start + TOGETHER
            found += self._cosines(texts[start:end], candidates[start:end])
        return found

    def _cosines(
        self, texts: Sequence[str], candidates: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        vectors = self._vectors(texts)
        found = [[0.0] * len(rows) for rows in candidates]
        # 1. for each row the texts that it is compared with
        places: dict[int, list[tuple[int, int]]] = {}
        for text, rows in enumerate(candidates):
            for place, row in enumerate(rows):
                places.setdefault(row, []).append((text, place))
        # 2. row by row: a matrix of all rows, or of all pairs, would not fit in memory
        dense = np.zeros(len(self.vocabulary))
        for row, pairs in sorted(places.items()):
            inside = slice(*self.starts[row : row + 2])
            columns = self.columns[inside]
            dense[columns] = self._weights(columns, self.counts[inside])
            products = vectors[[text for text, _ in pairs]] @ dense
            for (text, place), product in zip(pairs, products.tolist(), strict=True):
                found[text][place] = product
            dense[columns] = 0.0
        return found

    def _weights(self, columns: NDArray[np.int32], counts: NDArray[np.uint32]) -> Array:
        """TF-IDF of one text's n-grams, of length 1."""
        from scipy.sparse import csr_matrix
        from sklearn.preprocessing import normalize

        data = (np.log(counts.astype(np.float64)) + 1.0) * self.idf[columns]
        ends = [0, len(columns)]
        row = csr_matrix((data, columns, ends), shape=(1, max(len(self.vocabulary), 1)))
        return np.asarray(normalize(row, copy=False).data)

    def _vectors(self, texts: Sequence[str]) -> Any:
        """The texts as a sparse matrix [N,V]; n-grams outside the vocabulary are left out."""
        from scipy.sparse import csr_matrix

        coder = Coder(self.alphabet)
        columns, data = [np.empty(0, np.int32)], [np.empty(0)]
        for text in texts:
            known, counts = _known(self.vocabulary, *coder.counted(text))
            columns.append(known)
            data.append(self._weights(known, counts))
        ends = np.cumsum([len(each) for each in columns])
        shape = (len(texts), len(self.vocabulary))
        return csr_matrix((np.concatenate(data), np.concatenate(columns), ends), shape=shape)


class Coder:
    """Texts → n-grams as integers: characters are digits, by their place in the alphabet.

    Digit 0 fills a short n-gram at its end, and the highest digit stands for every character
    outside the alphabet. Raises DataError for an alphabet that does not fit 64 bits.
    """

    def __init__(self, alphabet: NDArray[np.uint32]) -> None:
        self._base = len(alphabet) + 2
        if self._base**LONGEST > 2**64:
            raise DataError(
                f"{len(alphabet)} different characters in the profiles; expected at most"
                f" {2**16 - 2}. --set eval.authors=false leaves author identification out"
            )
        self.kind = np.uint32 if self._base**LONGEST <= 2**32 else np.uint64
        self._digits = np.full(CODE_POINTS, self._base - 1, self.kind)
        self._digits[alphabet] = np.arange(1, len(alphabet) + 1, dtype=self.kind)

    def counted(self, text: str) -> tuple[Keys, NDArray[np.int64]]:
        """The different n-grams of a text, rising, and how often each occurs."""
        digits = np.concatenate([self._digits[code_points(text)], np.zeros(LONGEST, self.kind)])
        base = self.kind(self._base)
        pairs = digits[:-1] * base + digits[1:]
        # 1. the 4-gram at each place, sorted; at the end of the text it is a shorter one
        places = pairs[:-2] * (base * base) + pairs[2:]
        places.sort()
        keys, counts = _runs(places)
        # 2. a shorter n-gram begins as many 4-grams as it has places
        parts = [_full(keys, counts, base)]
        for length in range(LONGEST - 1, SHORTEST - 1, -1):
            keys, counts = _runs(keys // base, counts)
            shorter, found = _full(keys, counts, base)
            parts.append((shorter * base ** self.kind(LONGEST - length), found))
        # 3. all of them in order
        every, found = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(every, kind="stable")  # fast on sorted parts
        return every[order], found[order]


def _runs(keys: Keys, counts: NDArray[np.int64] | None = None) -> tuple[Keys, NDArray[np.int64]]:
    """The different keys of a sorted array, and the sum of the counts of each; by default of 1s."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))[: len(keys)]
    if counts is None:
        return keys[starts], np.diff(starts, append=len(keys))
    return keys[starts], np.add.reduceat(counts, starts)


def _full(
    keys: Keys, counts: NDArray[np.int64], base: np.unsignedinteger[Any]
) -> tuple[Keys, NDArray[np.int64]]:
    """Without the n-grams that are shorter than their number of digits."""
    full = keys % base > 0
    return keys[full], counts[full]


def code_points(text: str) -> NDArray[np.uint32]:
    """The characters of a text, with each run of two or more white spaces as one space."""
    found = np.frombuffer(text.encode(*CODING), np.uint32)
    white = _white()[found]
    if not (white[1:] & white[:-1]).any():
        return found
    return np.frombuffer(SPACES.sub(" ", text).encode(*CODING), np.uint32)


@cache
def _white() -> NDArray[np.bool_]:
    """For each code point whether it is white space."""
    return np.array([chr(code).isspace() for code in range(CODE_POINTS)])


def write_index(folder: Path, texts: Callable[[], Iterable[str]], weights: Sequence[int]) -> None:
    """Write the index of texts to `folder`, in two passes over them.

    folder: receives the files.
    texts: returns the texts, one after the other, each time it is called.
    weights: for each text, how many documents it is for the inverse document frequency.
    """
    # 1. the alphabet
    seen = np.zeros(CODE_POINTS, bool)
    seen[ord(" ")] = True
    for text in texts():
        seen[np.frombuffer(text.encode(*CODING), np.uint32)] = True
    alphabet = np.flatnonzero(seen).astype(np.uint32)
    # 2. every text's n-grams and counts, and the vocabulary of those that have a weight
    coder, vocabulary, sizes = Coder(alphabet), Vocabulary(), list[int]()
    with TemporaryFile() as every_key, TemporaryFile() as every_count:
        for text, weight in zip(texts(), weights, strict=True):
            keys, counts = coder.counted(text)
            keys.tofile(every_key)
            counts.astype(np.uint32).tofile(every_count)
            sizes.append(len(keys))
            vocabulary.add(keys, weight)
        known, documents = vocabulary.merged()
        # 3. n-grams → places in the vocabulary
        every_key.seek(0)
        every_count.seek(0)
        kept = [0]
        with (folder / "columns").open("wb") as columns, (folder / "counts").open("wb") as found:
            for size in sizes:
                keys = np.fromfile(every_key, coder.kind, size)
                inside = _known(known, keys, np.fromfile(every_count, np.uint32, size))
                inside[0].tofile(columns)
                inside[1].tofile(found)
                kept.append(len(inside[0]))
    idf = np.log((1 + sum(weights)) / (documents + 1.0)) + 1.0  # as scikit-learn smooths it
    arrays: tuple[Any, ...] = (alphabet, known, idf, np.cumsum(kept, dtype=np.int64))
    for name, values in zip(ARRAYS, arrays, strict=True):
        np.save(folder / f"{name}.npy", values)


class Vocabulary:
    """The n-grams of documents, and in how many of them each occurs."""

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, np.uint64)
        self._documents = np.empty(0, np.int64)
        self._waiting: list[Keys] = []

    def add(self, keys: Keys, times: int) -> None:
        """Count a document with these different n-grams, `times` times."""
        self._waiting += [keys] * times
        if sum(map(len, self._waiting)) >= MERGED:
            self.merged()

    def merged(self) -> tuple[Keys, NDArray[np.int64]]:
        """The n-grams, rising, and the number of documents of each."""
        if self._waiting:
            new, counts = _runs(np.sort(np.concatenate(self._waiting)))
            keys = np.concatenate([self._keys.astype(new.dtype), new])
            order = np.argsort(keys, kind="stable")  # fast on sorted parts
            documents = np.concatenate([self._documents, counts])[order]
            self._keys, self._documents = _runs(keys[order], documents)
            self._waiting = []
        return self._keys, self._documents


def _known(
    vocabulary: Keys, keys: Keys, counts: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """The places of n-grams in the vocabulary, and their counts; others are left out."""
    places = np.searchsorted(vocabulary, keys)
    inside = places < len(vocabulary)
    inside[inside] = vocabulary[places[inside]] == keys[inside]
    return places[inside].astype(np.int32), counts[inside].astype(np.uint32)


def _mapped(path: Path, kind: type[Any]) -> NDArray[Any]:
    """A file of numbers, mapped into memory."""
    return np.memmap(path, kind, "r") if path.stat().st_size else np.empty(0, kind)
