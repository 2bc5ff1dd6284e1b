"""BLEU by sacrebleu: corpus value, per-example values, sufficient statistics for resampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from harness.metrics.means import NOTHING
from harness.types import Score

ORDERS = 4


def bleu(predictions: Sequence[str], references: Sequence[str]) -> Score:
    """Corpus BLEU (Papineni et al. 2002; Post 2018), 0–100, one reference each.

    Per example: sentence BLEU with effective order. The corpus value is computed from the
    summed n-gram counts; it is not the mean of the examples.
    """
    rows, each = _sentences(predictions, references)
    signature = signature_of_bleu()
    if not each:
        return Score(None, (), signature, missing=NOTHING)
    length, expected, *counts = rows.sum(axis=0).astype(int).tolist()
    corpus = BLEU.compute_bleu(
        counts[:ORDERS], counts[ORDERS:], length, expected, smooth_method="exp"
    )
    return Score(corpus.score, each, signature)


def signature_of_bleu() -> str:
    """sacrebleu's own signature of the corpus value, with its version."""
    return str(BLEU(references=[[""]]).get_signature())


def bleu_statistics(predictions: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """Sufficient statistics [N, 10]: length, reference length, 4 × matched, 4 × all n-grams.

    Corpus BLEU of any set of examples is `bleu_of` the sum of their rows.
    """
    return _sentences(predictions, references)[0]


def bleu_of(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corpus BLEU of summed statistics [..., 10] → [...]: sacrebleu's formula, many at once.

    Smoothing `exp`, no effective order, as in the corpus value; 0 where nothing matched or
    where the texts are too short to hold a 4-gram.
    """
    length, expected = statistics[..., 0], statistics[..., 1]
    matched, total = statistics[..., 2 : 2 + ORDERS], statistics[..., 2 + ORDERS :]
    # each order without a match halves the smoothing count again (NIST, mteval-v13a)
    smoothed = 0.5 ** np.cumsum(matched == 0, axis=-1)
    precision = np.where(matched > 0, matched, smoothed) / np.maximum(total, 1)
    brevity = np.exp(np.minimum(0.0, 1 - expected / np.maximum(length, 1)))
    values = 100 * brevity * np.exp(np.log(precision).mean(axis=-1))
    defined = (matched > 0).any(axis=-1) & (total > 0).all(axis=-1)
    return np.asarray(np.where(defined, values, 0.0), dtype=np.float64)


def _sentences(
    predictions: Sequence[str], references: Sequence[str]
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    sentence = BLEU(effective_order=True)
    scores = [
        sentence.sentence_score(prediction, [reference])
        for prediction, reference in zip(predictions, references, strict=True)
    ]
    rows = [[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in scores]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2 + 2 * ORDERS)
    return table, tuple(one.score for one in scores)
