"""The tokenizers of the settings reach everything that scores: each view names its test."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from harness.leaderboard.board import Board
from harness.leaderboard.recomputed import numbers
from harness.metrics import metric
from harness.metrics.bleu import Bleu
from harness.metrics.forced import forced_scores, window_pair
from harness.metrics.scoring import scored
from harness.pipeline.evaluate.texts import score_texts
from harness.settings import EvalSettings
from harness.types import Example, Reference, SplitData
from tests.support.texts import pairs, panel

TEXT = "мы шли через лес и вышли к реке"
USERS = ("u", "v", "w")
OPTIONS = EvalSettings(
    metrics=("bleu", "rouge1", "meteor"),
    tokenizer="unicode",
    bleu_tokenizer="char",
    slices=(0, 4),
    resamples=100,
)
OUTPUTS = {"u": TEXT, "v": TEXT[:20], "w": "мы были дома"}


@pytest.fixture
def test_split():
    examples = tuple(Example(user, user, "product_review", "x", ()) for user in USERS)
    references = {user: Reference(user, user, TEXT) for user in USERS}
    return SplitData("product_review", "test", examples, references, "print")


def by_sacrebleu(outputs):
    return BLEU(tokenize="char").corpus_score(outputs, [[TEXT] * len(outputs)]).score


def test_texts_and_slices(test_split):
    found = score_texts(test_split, [OUTPUTS], OPTIONS)
    assert found.metrics["bleu"].value == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))
    assert found.metrics["bleu"].low <= found.metrics["bleu"].value <= found.metrics["bleu"].high
    # "u" all 8 words; "v" 5 of its 6, of 8; "w" 1 of 3, of 8
    assert [one.scores["rouge1"] for one in found.examples.values()] == pytest.approx(
        (100, 1000 / 14, 200 / 11)
    )
    assert all(row.value is not None for rows in found.slices.values() for row in rows)


def test_several_samples(test_split):
    samples = [list(OUTPUTS.values()), [TEXT] * 3]
    texts = [pairs(sample, [TEXT] * 3) for sample in samples]
    found = scored(metric("bleu", OPTIONS), texts, panel(USERS, 100)).score
    assert found.value == pytest.approx((by_sacrebleu(samples[0]) + 100) / 2)
    assert found.low <= found.value <= found.high


def test_counts_kept_for_comparing(test_split):
    kept = score_texts(test_split, [OUTPUTS], OPTIONS).examples.values()
    total = np.sum([one.rows["bleu"][0] for one in kept], axis=0)
    assert float(Bleu().value(total)) == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))


@pytest.mark.parametrize("name", OPTIONS.metrics)
def test_continuation_windows(name):
    texts = ["мы шли через лес и вышли к реке", "мы шли через лес и", "дом, дом, дом мы"]
    windows = [
        [window_pair(text, whole, start, 4) for start in OPTIONS.slices]
        for text, whole in zip(texts, pairs(texts, [TEXT] * 3), strict=True)
    ]
    scores = forced_scores(metric(name, OPTIONS), windows, OPTIONS.slices, panel(USERS, 100))
    found, each = scores.entry, scores.each
    assert found.value is not None
    assert found.low <= found.value <= found.high
    assert each[0][0] > each[1][1]
    assert "tok:char" in found.signature or "tok:unicode" in found.signature


def test_a_board_scores_by_its_own_tokenizers_and_one_without_them_by_the_defaults(test_split):
    sampling = {"max_new_tokens": 8, "temperature": 0.0, "top_p": 1.0, "samples": 1}
    place = {"task": "t", "setting": "user", "tier": "x", "fingerprint": "0" * 64}
    test = {**place, "examples": 3, "users": 3, **sampling}
    fields = {
        "test": test,
        "texts": True,
        "data": "folder",
        "metrics": {"bleu": "s", "rouge1": "s"},
    }
    board = Board.model_validate(fields)
    assert (board.scoring().tokenizer, board.scoring().bleu_tokenizer) == ("default", "13a")
    board = Board.model_validate({**fields, "tokenizer": "unicode", "bleu_tokenizer": "char"})
    again = numbers(test_split, [OUTPUTS], board.scoring())
    assert again.metrics["bleu"].value == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))
    assert again.metrics["rouge1"].value is not None
    # without "u": "v" and "w" in one corpus
    assert again.examples.without["bleu"][0] == pytest.approx(
        by_sacrebleu([OUTPUTS["v"], OUTPUTS["w"]]), abs=1e-3
    )
