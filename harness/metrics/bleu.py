"""BLEU by sacrebleu: n-gram counts of each example add up to the corpus value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import ClassVar

import numpy as np
from sacrebleu.metrics.bleu import BLEU, BLEUScore

from harness.errors import UsageError
from harness.metrics.base import Metric, Pair
from harness.metrics.coverage import in_clauses
from harness.metrics.words import shared_ngrams
from harness.statistics import Array

ORDERS = 4
SEES_WORDS = ("char", "none", "ja-mecab", "ko-mecab")
"""Tokenizers that find words without spaces, or get words already split."""


class Bleu(Metric):
    """Corpus BLEU (Papineni et al. 2002; Post 2018), one reference for each example.

    A row: length, reference length, 4 × matched, 4 × all n-grams. The value of one example is
    sentence BLEU with effective order; the corpus value is not the mean of these.
    tokenizer: one of sacrebleu's. No value where it treats whole clauses as words.
    """

    name = "bleu"
    title = "BLEU"
    by_pair = True
    options: ClassVar = {"tokenizer": "bleu_tokenizer"}

    def __init__(self, tokenizer: str = "13a") -> None:
        self._split = sacrebleu_tokenizer(tokenizer)
        self._tokenizer = tokenizer
        self.remedy = (
            f"sacrebleu's {tokenizer} treats a clause without spaces as one word; --set"
            " eval.bleu_tokenizer=zh, ja-mecab or char splits them (none: words are spaced already)"
        )

    @property
    def signature(self) -> str:
        """sacrebleu's signature of the corpus value, with its version."""
        return str(BLEU(tokenize=self._tokenizer, references=[[""]]).get_signature())

    def rows(self, pairs: Sequence[Pair]) -> Array:
        rows = [self._counts(pair.prediction, pair.reference) for pair in pairs]
        return np.array(rows, dtype=np.float64).reshape(len(rows), 2 + 2 * ORDERS)

    def _counts(self, *both: str) -> list[int]:
        """sacrebleu's statistics of a text and its reference, without its sentence score."""
        text, reference = (self._split(each.rstrip()).split() for each in both)
        matched = [shared_ngrams(text, reference, order) for order in range(1, ORDERS + 1)]
        totals = [max(len(text) - order, 0) for order in range(ORDERS)]
        return [len(text), len(reference), *matched, *totals]

    def value(self, sums: Array) -> Array:
        """sacrebleu's formula, vectorised: smoothing `exp`, no effective order.

        0 where nothing matches, or where the texts are too short for a 4-gram.
        """
        length, expected = sums[..., 0], sums[..., 1]
        matched, total = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
        # each order without a match halves the smoothing count again (NIST, mteval-v13a)
        smoothed = 0.5 ** np.cumsum(matched == 0, axis=-1)
        precision = np.where(matched > 0, matched, smoothed) / np.maximum(total, 1)
        brevity = np.exp(np.minimum(0.0, 1 - expected / np.maximum(length, 1)))
        values = 100 * brevity * np.exp(np.log(precision).mean(axis=-1))
        defined = (matched > 0).any(axis=-1) & (total > 0).all(axis=-1)
        return np.asarray(np.where(defined, values, 0.0), dtype=np.float64)

    def each(self, rows: Array) -> Array:
        """Sentence BLEU with effective order: only orders that the text is long enough for."""
        return np.array([_library(row, effective_order=True) for row in rows], dtype=np.float64)

    def overall(self, rows: Array, pairs: Sequence[Pair]) -> float:
        return _library(rows.sum(axis=0))

    def absent(self, rows: Array) -> Array:
        """Scored as an empty text against a reference of the same length."""
        empty = np.zeros_like(rows)
        empty[..., 1] = rows[..., 1]
        return empty

    def unseen(self, text: str) -> int:
        if self._tokenizer in SEES_WORDS:
            return 0
        return in_clauses(self._split(text).split())


@cache
def sacrebleu_tokenizer(name: str) -> Callable[[str], str]:
    """sacrebleu's tokenizer: a text → its tokens with spaces between.

    Raises UsageError where it needs a package that is not installed.
    """
    try:
        found: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    except RuntimeError as error:
        extra = name.partition("-")[0]
        raise UsageError(
            f"eval.bleu_tokenizer = {name} needs packages that are not installed; expected"
            f" sacrebleu's extra {extra!r}: pip install 'sacrebleu[{extra}]', or choose char"
        ) from error
    return found


def _library(row: Array, *, effective_order: bool = False) -> float:
    """sacrebleu's own computation from one row of counts."""
    length, expected, *counts = (int(count) for count in row)
    found: BLEUScore = BLEU.compute_bleu(
        counts[:ORDERS],
        counts[ORDERS:],
        length,
        expected,
        smooth_method="exp",
        effective_order=effective_order,
    )
    return float(found.score)
