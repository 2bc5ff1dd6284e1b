"""`bertscore:FOLDER?layer=N`: BERTScore by the hidden states of any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

import numpy as np

from harness.errors import UsageError
from harness.metrics.base import (
    MeanMetric,
    Needs,
    Pair,
    TokenVectors,
    Unavailable,
    encoder_words,
)
from harness.statistics import Array, mean_rows

LAYERS = {"bert-base-uncased": 9, "roberta-large": 17, "microsoft/deberta-xlarge-mnli": 40}
"""Layers that agree best with people, by the tables of bert-score 0.3.13."""


class BertScore(MeanMetric):
    """F1 of BERTScore (Zhang et al. 2020, arXiv:1904.09675) after layer N of the encoder, × 100.

    Each token is matched with the most similar one of the other text. Precision is the mean over
    the prediction's tokens, recall over the reference's. No idf weights, no rescaling with a
    baseline. The marks of begin and end count as matches, not as tokens, as in bert-score 0.3.13,
    whose numbers these are. Texts are cut at the encoder's maximum length. An empty text scores 0.
    """

    unit = "F1 × 100"

    def __init__(self, query: str) -> None:
        model, _, options = query.rpartition("?") if "?" in query else (query, "", "")
        given = dict(parse_qsl(options, keep_blank_values=True))
        layer = given.pop("layer", "")
        if not layer.isdecimal() or given or not model:
            known = ", ".join(f"{name} {best}" for name, best in LAYERS.items())
            raise UsageError(
                f"metric bertscore:{query}; expected bertscore:FOLDER?layer=N. The best layer"
                f" depends on the model: {known}; the last one is rarely good"
            )
        self._layer = int(layer)
        self.name = f"bertscore:{query}"
        self.needs = Needs("encoder", model)
        self.title = f"BERTScore ({self.needs.short}, layer {layer})"

    @property
    def signature(self) -> str:
        known = encoder_words(self.encoder)
        return f"bertscore|{known}|layer:{self._layer}|idf:no|rescale:no|F1×100"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        assert self.encoder is not None
        if self._layer > self.encoder.layers:
            raise Unavailable(
                f"{self.name}: the encoder has {self.encoder.layers} layers; choose one of them"
            )
        values = []
        for pair in pairs:
            texts = (pair.prediction, pair.reference)
            if all(text.strip() for text in texts):
                values.append(100 * greedy_f1(*self.encoder.token_vectors(texts, self._layer)))
            else:
                values.append(0.0)
        return mean_rows(values)


def greedy_f1(prediction: TokenVectors, reference: TokenVectors) -> float:
    """F1 of greedy matching: equation 1 of the paper, without idf; 0 where nothing matches."""
    similar = prediction.vectors @ reference.vectors.T
    precision = similar.max(axis=1)[prediction.words]
    recall = similar.max(axis=0)[reference.words]
    if not len(precision) or not len(recall):
        return 0.0
    p, r = float(np.mean(precision)), float(np.mean(recall))
    return 2 * p * r / (p + r) if p + r > 0 else 0.0
