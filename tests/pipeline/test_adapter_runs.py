"""Runs that train adapters: what they keep, and what an interruption changes."""

import json

import pytest
import torch
from torch.testing import assert_close

from harness.engine import saver as saver_module
from harness.engine.backbone import load_model, weights_fingerprint
from harness.engine.number_types import NumberTypes
from harness.engine.weight_files import load_weights
from harness.exports import Source, export
from harness.pipeline.job import Job
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record import read_record
from harness.settings import ModelSettings
from tests.support.runs import StopNowError, go, settings, texts, without_times

LORA = ("model.adapter=lora", "model.lora_rank=2", "model.lora_dropout=0.2")


@pytest.mark.slow
def test_a_run_stopped_in_training_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch
):
    whole = go(tmp_path / "whole", reviews, backbone, "flythinker", *LORA)
    often = (*LORA, "train.checkpoint_minutes=0.0000001")
    named = settings(reviews, backbone, "flythinker", *often)
    assert named.digest() != settings(reviews, backbone, "flythinker", *LORA).digest()
    real, calls = saver_module.save_checkpoint, []

    def stop(*arguments):
        real(*arguments)
        calls.append(1)
        raise StopNowError

    monkeypatch.setattr(saver_module, "save_checkpoint", stop)
    with pytest.raises(StopNowError):
        go(tmp_path / "cut", reviews, backbone, "flythinker", *often)
    monkeypatch.undo()
    resumed = go(tmp_path / "cut", reviews, backbone, "flythinker", *often)
    assert texts(resumed) == texts(whole)
    assert resumed.record.training.curve == whole.record.training.curve
    # the record says what was trained
    training = resumed.record.training
    assert (training.adapter.kind, training.adapter.rank) == ("lora", 2)
    assert training.adapter.targets == (
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
    )  # fmt: skip
    assert training.trainable_parameters < resumed.record.backbone.method_parameters / 4
    found, known = (
        without_times(json.loads((o.folder / "record.json").read_text())) for o in (resumed, whole)
    )
    assert found["training"] == known["training"]
    assert found["metrics"] == known["metrics"]


def test_a_run_generates_with_merged_adapters(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "sft", *LORA)
    plan = Plan(settings(reviews, backbone, "sft", *LORA), "sft", tmp_path / "results")
    job = Job(plan, Bars(quiet=True))
    lm, info = job.build()
    load_weights(lm, outcome.folder / "model.safetensors")
    assert info.fingerprint == read_record(outcome.folder).backbone.fingerprint
    job.settle(lm)
    assert not any("lora" in name for name, _ in lm.named_modules())
    assert weights_fingerprint(lm) == outcome.record.backbone.weights
    assert outcome.record.backbone.weights != outcome.record.backbone.fingerprint
    # what it trained is a backbone, in peft's format
    saved = outcome.folder / "adapters" / "model"
    merged = load_model(str(saved), ModelSettings())
    for name, tensor in lm.model.state_dict().items():
        assert_close(merged.state_dict()[name], tensor, atol=1e-6, rtol=0)
    # generating with it gives the same texts, and its record says what it is
    again = go(tmp_path, reviews, saved, "rag")
    assert [text[2] for text in texts(again)] == [text[2] for text in texts(outcome)]
    told = again.record.backbone.adapter
    assert (told.kind, told.rank, told.base) == ("lora", 2, str(backbone))
    assert told.base_fingerprint == outcome.record.backbone.fingerprint
    assert "base/model.safetensors" in again.record.inputs.backbone


@pytest.mark.parametrize("generation", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", ["float32", "bfloat16"])
def test_a_resumed_run_and_an_export_have_the_weights_of_the_run(
    tmp_path, reviews, backbone, monkeypatch, training, generation
):
    types = NumberTypes(getattr(torch, training), getattr(torch, generation))
    monkeypatch.setattr("harness.pipeline.job.number_types", lambda *_: types)
    words = (*LORA, "model.dtype=auto")
    chosen = settings(reviews, backbone, "sft", *words)
    whole = go(tmp_path / "whole", reviews, backbone, "sft", *words)
    run(chosen, "sft", tmp_path / "cut" / "results", until="trained")
    resumed = go(tmp_path / "cut", reviews, backbone, "sft", *words)
    assert resumed.record.device.dtype == training
    assert resumed.record.backbone.weights == whole.record.backbone.weights
    assert texts(resumed) == texts(whole)
    # W, as it was in training, + B · A · alpha / rank
    job = Job(Plan(chosen, "sft", tmp_path / "known"), Bars(quiet=True))
    lm, _ = job.build()
    load_weights(lm, whole.folder / "model.safetensors")
    layer = lm.model.model.layers[0].self_attn.q_proj
    down, up = (part["default"].weight for part in (layer.lora_A, layer.lora_B))
    known = (
        layer.base_layer.weight.to(types.training).float() + up @ down * layer.scaling["default"]
    )
    export("model", [Source(whole.folder, whole.record)], tmp_path / "served")
    served = load_model(str(tmp_path / "served"), ModelSettings())
    found = served.model.layers[0].self_attn.q_proj.weight
    # whatever the run generated in: bfloat16 would round away much of what adapters add
    assert_close(found, known, atol=1e-6, rtol=0)
    job.settle(lm)
    merged = lm.model.model.layers[0].self_attn.q_proj
    assert isinstance(merged, torch.nn.Linear) == (generation == "float32")
    if generation == "float32":
        assert_close(merged.weight, known, atol=1e-6, rtol=0)


def test_an_untrained_method_gets_no_adapter(tmp_path, reviews, backbone):
    chosen = settings(reviews, backbone, "rag", *LORA)
    lm, _ = Job(Plan(chosen, "rag", tmp_path), Bars(quiet=True)).build()
    assert not lm.adapted
    assert not any(isinstance(part, torch.nn.ModuleDict) for part in lm.modules())
