"""BLEU by sacrebleu: corpus value, per-example values, sufficient statistics for resampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU

from harness.errors import UsageError
from harness.metrics.letters import all_seen, in_clauses, judged
from harness.metrics.means import NOTHING
from harness.types import Score

ORDERS = 4
TOKENIZER = "13a"
SEES_WORDS = ("char", "none", "ja-mecab", "ko-mecab")
"""Tokenizers that find words, or are told them, where there are no spaces."""


def bleu(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = TOKENIZER
) -> Score:
    """Corpus BLEU (Papineni et al. 2002; Post 2018), 0–100, one reference each.

    Per example: sentence BLEU with effective order. The corpus value is computed from the
    summed n-gram counts; it is not the mean of the examples. tokenizer: one of sacrebleu's.
    No value where it takes whole clauses of the references as words.
    """
    rows, each = _sentences(predictions, references, tokenizer)
    signature = signature_of_bleu(tokenizer)
    if not each:
        return Score(None, (), signature, missing=NOTHING)
    length, expected, *counts = rows.sum(axis=0).astype(int).tolist()
    corpus = BLEU.compute_bleu(
        counts[:ORDERS], counts[ORDERS:], length, expected, smooth_method="exp"
    )
    found = Score(corpus.score, each, signature)
    if tokenizer in SEES_WORDS:
        return judged(found, references, all_seen, "")
    split = sacrebleu_tokenizer(tokenizer)
    return judged(
        found, references, lambda text: in_clauses(split(text).split()), _remedy(tokenizer)
    )


def signature_of_bleu(tokenizer: str = TOKENIZER) -> str:
    """sacrebleu's own signature of the corpus value, with its version."""
    return str(BLEU(tokenize=tokenizer, references=[[""]]).get_signature())


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


def bleu_statistics(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str = TOKENIZER
) -> NDArray[np.float64]:
    """Sufficient statistics [N, 10]: length, reference length, 4 × matched, 4 × all n-grams.

    Corpus BLEU of any set of examples is `bleu_of` the sum of their rows.
    """
    return _sentences(predictions, references, tokenizer)[0]


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


def _remedy(tokenizer: str) -> str:
    return (
        f"sacrebleu's {tokenizer} takes a clause without spaces as one word; --set"
        " eval.bleu_tokenizer=zh, ja-mecab or char splits them (none: words are spaced already)"
    )


def _sentences(
    predictions: Sequence[str], references: Sequence[str], tokenizer: str
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    sentence = BLEU(effective_order=True, tokenize=tokenizer)
    scores = [
        sentence.sentence_score(prediction, [reference])
        for prediction, reference in zip(predictions, references, strict=True)
    ]
    rows = [[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in scores]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 2 + 2 * ORDERS)
    return table, tuple(one.score for one in scores)
