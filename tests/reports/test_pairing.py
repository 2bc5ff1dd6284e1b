"""What a record keeps so that two records alone can be compared."""

import hashlib

import numpy as np
import pytest

from harness.metrics import metric
from harness.metrics.bleu import bleu_of, bleu_statistics
from harness.metrics.slices import free_slices
from harness.scoring import pairing, score_texts
from harness.settings import DataSettings, EvalSettings
from harness.types import Example, Reference, SplitData

TEXTS = {"a": "the cat sat on the mat today", "b": "a dog ran off"}


@pytest.fixture
def test_split() -> SplitData:
    examples = tuple(Example(key, f"user {key}", "product_review", "x", ()) for key in TEXTS)
    references = {key: Reference(key, f"user {key}", text) for key, text in TEXTS.items()}
    return SplitData("product_review", "test", examples, references, "print")


def test_users_are_twelve_hex_of_a_hash_and_counts_give_corpus_bleu(test_split):
    outputs = {"a": "the cat sat on a mat", "b": "a dog ran off home"}
    found = pairing(test_split, [outputs])
    assert found["a"]["user"] == hashlib.sha256(b"user a").hexdigest()[:12]
    # "the cat sat on a mat" against 7 words: 5 of 6 words, 3 of 5 pairs, 2 of 4, 1 of 3
    assert found["a"]["bleu_statistics"] == [6, 7, 5, 3, 2, 1, 6, 5, 4, 3]
    total = np.sum([row["bleu_statistics"] for row in found.values()], axis=0)
    expected = bleu_statistics(list(outputs.values()), list(TEXTS.values())).sum(axis=0)
    assert bleu_of(total) == bleu_of(expected)


def test_every_sample_has_its_ten_counts_and_a_missing_text_counts_as_empty(test_split):
    found = pairing(test_split, [{"a": "the", "b": "a"}, {"a": "cat"}])
    assert len(found["a"]["bleu_statistics"]) == 20
    assert found["b"]["bleu_statistics"][10:] == [0, 4, 0, 0, 0, 0, 0, 0, 0, 0]


def test_slices_of_the_free_text_have_intervals_and_the_value_of_free_slices(test_split):
    settings = EvalSettings(metrics=("bleu", "rouge1"), slices=(0, 4))
    outputs = {"a": "the cat sat on a mat", "b": "a dog went off home"}
    found = score_texts(test_split, [outputs], settings, DataSettings(source="elsewhere")).slices
    for name, rows in found.items():
        expected = free_slices(metric(name), [*outputs.values()], [*TEXTS.values()], (0, 4))
        assert [row["value"] for row in rows] == [one.value for one in expected.values()]
    # "b" has no fifth token: the second slice has one member, whose user alone gives no interval
    first, second = found["rouge1"]
    assert (first["examples"], second["examples"]) == (2, 1)
    assert first["low"] < first["value"] < first["high"]
    assert (second["low"], second["high"]) == (None, None)
