"""A run from settings to record: what it leaves, and that repeating it changes nothing."""

from types import SimpleNamespace

import pytest

from harness.pipeline.single import _counts, run
from harness.record import read_predictions, read_record, texts_digest
from harness.registry import find
from harness.types import Prediction
from tests.support.runs import go, settings, texts


@pytest.mark.parametrize("method", ["nonpers", "rag", "sft", "flythinker"])
def test_every_method_leaves_a_record(tmp_path, reviews, backbone, method):
    outcome = go(tmp_path, reviews, backbone, method)
    record = read_record(outcome.folder)
    assert record.status == "complete"
    assert outcome.exit_code == 0
    assert (record.n.planned, record.n.scored, record.n.failed) == (8, 8, 0)
    assert set(record.metrics) == {"bleu", "rouge1"}
    assert len(record.examples) == len(read_predictions(outcome.folder)) == 8
    assert record.texts == texts_digest(read_predictions(outcome.folder))
    assert (record.training is not None) == find("method", method).trains
    assert record.likelihood.value > 0
    assert record.backbone.parameters > 0
    assert record.data.splits["test"].users == 4
    if method == "flythinker":
        assert record.backbone.reasoner.parameters == record.backbone.parameters


def test_a_text_that_shows_nothing_counts_as_empty():
    shown = {"a": "fine", "b": " ", "c": "\u200b\u2800", "d": "."}
    plan = SimpleNamespace(test=SimpleNamespace(examples=list(shown)), test_prompts=[])
    texts = [Prediction(key, "u", text, 1, "f") for key, text in shown.items()]
    assert _counts(plan, texts, None).empty == 2


def test_the_same_command_shows_the_run_and_fresh_redoes_it(tmp_path, reviews, backbone):
    first = go(tmp_path, reviews, backbone)
    again = go(tmp_path, reviews, backbone)
    assert again.repeated
    assert again.record == read_record(first.folder)
    redone = run(settings(reviews, backbone), "sft", tmp_path / "results", fresh=True)
    assert not redone.repeated
    assert texts(redone) == texts(first)


def test_another_seed_or_setting_is_another_run(tmp_path, reviews, backbone):
    first = go(tmp_path, reviews, backbone, "rag")
    seed = go(tmp_path, reviews, backbone, "rag", seed=1)
    cap = go(tmp_path, reviews, backbone, "rag", "decode.max_new_tokens=5")
    assert len({outcome.folder for outcome in (first, seed, cap)}) == 3
    assert first.record.run_id.startswith("s0-")
    assert seed.record.run_id == "s1-" + first.record.run_id.removeprefix("s0-")
