"""What a record stores so that runs can be compared from their records alone."""

import hashlib

import numpy as np
import pytest

from harness.metrics.bleu import Bleu
from harness.pipeline.evaluate.texts import score_texts
from harness.settings import EvalSettings
from harness.types import Example, Reference, SplitData
from tests.support.texts import rows, score

SETTINGS = EvalSettings(metrics=("bleu", "rouge1"), slices=(0, 4))
TEXTS = {"a": "the cat sat on the mat today", "b": "a dog ran off"}


@pytest.fixture
def test_split() -> SplitData:
    examples = tuple(Example(key, f"user {key}", "product_review", "x", ()) for key in TEXTS)
    references = {key: Reference(key, f"user {key}", text) for key, text in TEXTS.items()}
    return SplitData("product_review", "test", examples, references, "print")


def test_users_are_twelve_hex_of_a_hash_and_counts_give_corpus_bleu(test_split):
    outputs = {"a": "the cat sat on a mat", "b": "a dog ran off home"}
    found = score_texts(test_split, [outputs], SETTINGS).examples
    assert found["a"].user == hashlib.sha256(b"user a").hexdigest()[:12]
    # "the cat sat on a mat" against 7 words: 5 of 6 words, 3 of 5 pairs, 2 of 4, 1 of 3
    assert found["a"].rows == {"bleu": ((6, 7, 5, 3, 2, 1, 6, 5, 4, 3),)}
    assert all(type(count) is int for count in found["a"].rows["bleu"][0])
    total = np.sum([one.rows["bleu"][0] for one in found.values()], axis=0)
    expected = rows(Bleu(), list(outputs.values()), list(TEXTS.values())).sum(axis=0)
    assert Bleu().value(total) == Bleu().value(expected)


def test_every_sample_has_its_row_and_a_missing_text_counts_as_empty(test_split):
    found = score_texts(test_split, [{"a": "the", "b": "a"}, {"a": "cat"}], SETTINGS).examples
    assert len(found["a"].rows["bleu"]) == 2
    assert found["b"].rows["bleu"][1] == (0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
    # ROUGE-1 of "a" against "a dog ran off" 2·1·¼/(1 + ¼) = .4, then nothing
    assert found["b"].scores["rouge1"] == pytest.approx(20)


def test_slices_of_the_free_text_are_scored_as_texts_with_intervals(test_split):
    outputs = {"a": "the cat sat on a mat", "b": "a dog went off home"}
    found = score_texts(test_split, [outputs], SETTINGS).slices
    # "a dog went off" against "a dog ran off" 3/4; "a mat" against "the mat today" P 1/2, R 1/3
    assert [row.value for row in found["rouge1"]] == pytest.approx([(100 + 75) / 2, 40])
    assert found["bleu"][1].value == score("bleu", ["a mat"], ["the mat today"]).value
    # "b" has no fifth token: the second slice has one member, whose user alone gives no interval
    first, second = found["rouge1"]
    assert (first.examples, second.examples) == (2, 1)
    assert first.low < first.value < first.high
    assert (second.low, second.high) == (None, None)
