"""Likelihood beside the untrained backbone: by records of the backbone itself; read once."""

import json

import pytest

from harness.inputs import provenance
from harness.pipeline.evaluate import base_model
from tests.support.runs import go

ASKED = ("eval.slices=[0,8,16]", "eval.relative=true")


def test_the_base_model_relative_to_itself_is_0_exactly(tmp_path, reviews, backbone):
    for method in ("rag", "nonpers"):
        found = go(tmp_path, reviews, backbone, method, *ASKED).record.likelihood.relative
        assert (found.value, found.low, found.high) == (0, 0, 0)
        assert [each.value for each in found.slices] == [0, 0, 0]
        assert found.drift.value == 0
    # one reading for the prompt with profile, one for that without
    assert len(list((tmp_path / "results" / ".untrained").glob("*.json"))) == 2


def test_it_is_the_difference_to_the_base_models_own_record(tmp_path, reviews, backbone):
    base = go(tmp_path, reviews, backbone, "rag", *ASKED).record.likelihood
    record = go(tmp_path, reviews, backbone, "sft", *ASKED).record
    own, found = record.likelihood, record.likelihood.relative
    assert found.value == pytest.approx(own.value - base.value)
    for at in range(3):
        apart = own.slices[at].value - base.slices[at].value
        assert found.slices[at].value == pytest.approx(apart)
    assert found.value != 0
    assert found.drift.value == pytest.approx(own.drift.value - base.drift.value)
    assert found.backbone == str(backbone)
    assert found.fingerprint == record.backbone.fingerprint
    for example in record.examples.values():
        assert len(example.base_nll) == 3


def test_methods_with_the_same_prompts_share_the_base_models_nll(
    tmp_path, reviews, backbone, monkeypatch
):
    go(tmp_path, reviews, backbone, "rag", *ASKED)

    def again(*_):
        raise AssertionError("read twice")

    monkeypatch.setattr(base_model, "slice_nlls", again)
    for method in ("sft", "flythinker"):
        go(tmp_path, reviews, backbone, method, *ASKED)
    with pytest.raises(AssertionError, match="read twice"):
        go(tmp_path, reviews, backbone, "sft", "eval.slices=[0,9]", "eval.relative=true")
    (kept,) = (tmp_path / "results" / ".untrained").glob("*.json")
    assert len(json.loads(kept.read_text())["value"]) == 8


def test_changed_code_evaluates_the_base_model_again(tmp_path, reviews, backbone, monkeypatch):
    go(tmp_path, reviews, backbone, "rag", *ASKED)
    monkeypatch.setattr(provenance, "reading_sha256", lambda: "of other code")
    go(tmp_path, reviews, backbone, "sft", *ASKED)
    assert len(list((tmp_path / "results" / ".untrained").glob("*.json"))) == 2


def test_it_can_be_switched_off(tmp_path, reviews, backbone):
    record = go(tmp_path, reviews, backbone, "rag", "eval.relative=false").record
    assert record.likelihood.relative is None
    record = go(
        tmp_path, reviews, backbone, "rag", "eval.likelihood=false", "eval.relative=true"
    ).record
    assert record.likelihood is None
