"""The tokenizers of the settings reach everything that scores: each view names its test."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

import harness
from harness.leaderboard.board import Board
from harness.leaderboard.scores import numbers
from harness.metrics import metric
from harness.metrics.bleu import bleu_of
from harness.metrics.forced import forced_scores
from harness.scoring import averaged, pairing, score_texts
from harness.settings import DataSettings, EvalSettings
from harness.types import Example, Reference, SplitData
from tests.metrics.texts import panel

TEXT = "мы шли через лес и вышли к реке"
USERS = ("u", "v", "w")
OPTIONS = EvalSettings(
    metrics=("bleu", "rouge1", "meteor"),
    tokenizer="unicode",
    bleu_tokenizer="char",
    slices=(0, 4),
    resamples=100,
)
DATA = DataSettings(source="elsewhere")
OUTPUTS = {"u": TEXT, "v": TEXT[:20], "w": "мы были дома"}


@pytest.fixture
def test_split():
    examples = tuple(Example(user, user, "product_review", "x", ()) for user in USERS)
    references = {user: Reference(user, user, TEXT) for user in USERS}
    return SplitData("product_review", "test", examples, references, "print")


def by_sacrebleu(outputs):
    return BLEU(tokenize="char").corpus_score(outputs, [[TEXT] * len(outputs)]).score


def test_texts_and_slices(test_split):
    found = score_texts(test_split, [OUTPUTS], OPTIONS, DATA)
    assert found.metrics["bleu"].value == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))
    assert found.metrics["bleu"].low <= found.metrics["bleu"].value <= found.metrics["bleu"].high
    # "u" all 8 words; "v" 5 of its 6, of 8; "w" 1 of 3, of 8
    assert found.metrics["rouge1"].each == pytest.approx((100, 1000 / 14, 200 / 11))
    assert all(row.value is not None for rows in found.slices.values() for row in rows)


def test_several_samples(test_split):
    samples = [list(OUTPUTS.values()), [TEXT] * 3]
    found = averaged("bleu", samples, [TEXT] * 3, panel(USERS, 100), OPTIONS)
    assert found.value == pytest.approx((by_sacrebleu(samples[0]) + 100) / 2)
    assert found.low <= found.value <= found.high


def test_counts_kept_for_comparing(test_split):
    rows = pairing(test_split, [OUTPUTS], OPTIONS.bleu_tokenizer)
    total = np.sum([row["bleu_statistics"] for row in rows.values()], axis=0)
    assert float(bleu_of(total)) == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))


@pytest.mark.parametrize("name", OPTIONS.metrics)
def test_forced_windows(name):
    windows = [["мы шли через лес", "и вышли к реке"], ["мы шли через лес", "и"], ["дом", "мы"]]
    place = (OPTIONS.slices, panel(USERS, 100), OPTIONS.bleu_tokenizer)
    found, each = forced_scores(name, metric(name, OPTIONS), windows, [TEXT] * 3, *place)
    assert found.value is not None
    assert found.low <= found.value <= found.high
    assert each[0][0] > each[1][1]
    assert "tok:char" in found.signature or "tok:unicode" in found.signature


def test_a_board_scores_by_its_own_tokenizers_and_one_without_them_by_the_defaults(test_split):
    sampling = {"max_new_tokens": 8, "temperature": 0.0, "top_p": 1.0, "samples": 1}
    place = {"task": "t", "setting": "user", "tier": "x", "fingerprint": "0" * 64}
    test = {**place, "examples": 3, "users": 3, **sampling}
    fields = {"test": test, "texts": True, "data": "folder", "metrics": {"bleu": "s"}}
    board = Board.model_validate(fields)
    assert (board.scoring().tokenizer, board.scoring().bleu_tokenizer) == ("default", "13a")
    board = Board.model_validate({**fields, "tokenizer": "unicode", "bleu_tokenizer": "char"})
    again = numbers(test_split, [OUTPUTS], ("bleu", "rouge1"), board.scoring(), DATA)
    assert again.metrics["bleu"].value == pytest.approx(by_sacrebleu(list(OUTPUTS.values())))
    assert again.metrics["rouge1"].value is not None
    # without "u": "v" and "w" in one corpus
    assert again.bleu_without[0] == pytest.approx(
        by_sacrebleu([OUTPUTS["v"], OUTPUTS["w"]]), abs=1e-3
    )


def test_no_count_of_ngrams_leaves_the_tokenizer_out():
    """Every call of bleu_statistics in the harness gives one."""
    short = []
    for path in Path(harness.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "bleu_statistics":
                short += [f"{path.name}:{node.lineno}"] if len(node.args) < 3 else []
    assert short == []
