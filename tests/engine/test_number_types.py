"""bfloat16 on CPUs, where a trial shows that it pays; likelihoods have float32 logits."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from harness.engine import CausalLM, number_types
from harness.engine.devices import cast
from harness.engine.lean_step import LeanDecoder
from harness.engine.number_types import Gains, NumberTypes, measured_gains
from harness.settings import build_settings
from tests.support.tiny import of_family, tiny
from tests.support.training import batch

CPU = torch.device("cpu")
FLOAT, HALF = torch.float32, torch.bfloat16


class Trial:
    """Takes the place of the trial: gives `gains`, counts how often it is made."""

    gains, made = Gains(2.0, 1.0), 0

    def __call__(self, *_):
        self.made += 1
        return self.gains


@pytest.fixture
def trial(monkeypatch, tmp_path):
    """A trial on a processor with bfloat16, for a model of any size."""
    instead = Trial()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(number_types, "has_bfloat16", lambda: True)
    monkeypatch.setattr(number_types, "SMALLEST", 0)
    monkeypatch.setattr(number_types, "measured_gains", instead)
    return instead


def chosen(backbone, preset="smollm2", *assignments, say=lambda text: None):
    own = build_settings(preset, [f"model.backbone={backbone}", "data.source=x", *assignments])
    return number_types.number_types(own, CPU, say)


@pytest.mark.parametrize(
    ("gains", "types"),
    [
        (Gains(2.0, 1.0), NumberTypes(HALF, FLOAT)),
        (Gains(1.1, 1.4), NumberTypes(FLOAT, HALF)),
        (Gains(2.0, 1.5), NumberTypes(HALF, HALF)),
        (Gains(0.4, 0.9), NumberTypes(FLOAT, FLOAT)),
    ],
)
def test_each_part_has_bfloat16_where_it_pays(trial, backbone, gains, types):
    trial.gains = gains
    said = []
    assert chosen(backbone, say=said.append) == types
    assert bool(said) == (HALF in vars(types).values())


def test_the_trial_is_made_once_for_a_machine_and_a_backbone(trial, backbone):
    assert chosen(backbone) == chosen(backbone)
    assert trial.made == 1
    chosen(backbone, "smollm2", "decode.batch_size=1")  # another step, another trial
    assert trial.made == 2


@pytest.mark.parametrize(
    ("preset", "assignment"), [("mini", "seed=0"), ("smollm2", "model.dtype=float32")]
)
def test_mini_and_a_given_type_need_no_trial(trial, backbone, preset, assignment):
    assert chosen(backbone, preset, assignment) == NumberTypes(FLOAT, FLOAT)
    assert not trial.made


def test_a_processor_without_bfloat16_stays_in_float32(trial, backbone, monkeypatch):
    monkeypatch.setattr(number_types, "has_bfloat16", lambda: False)
    assert chosen(backbone) == NumberTypes(FLOAT, FLOAT)


def test_a_small_backbone_stays_in_float32_without_a_trial(trial, backbone, monkeypatch):
    monkeypatch.setattr(number_types, "SMALLEST", 1_000_000)
    assert chosen(backbone) == NumberTypes(FLOAT, FLOAT)
    assert not trial.made


def test_a_trial_that_fails_is_reported(trial, backbone, monkeypatch):
    def fails(*_):
        raise ValueError("no layers")

    monkeypatch.setattr(number_types, "measured_gains", fails)
    said = []
    assert chosen(backbone, say=said.append) == NumberTypes(FLOAT, FLOAT)
    assert said == ["no trial of bfloat16 (ValueError: no layers); the run is in float32"]


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_a_trial_measures_both_parts(family, monkeypatch):
    monkeypatch.setattr(number_types, "LAYER_WORK", 1e6)
    found = measured_gains(tiny(family).config, "sdpa", 2, "auto")
    assert found.training > 0
    assert found.generation > 0


@pytest.mark.parametrize("family", ["qwen2", "gemma"])
def test_bfloat16_must_pay_for_one_model_and_for_two_in_one_step(family, monkeypatch):
    monkeypatch.setattr(number_types, "LAYER_WORK", 1e6)
    stacked, extend, gains = [], LeanDecoder.extend, iter([3.0, 2.0, 0.9])

    def seen(decoder, columns, state):
        if decoder.models == 2:
            stacked.append(columns.dtype)
        return extend(decoder, columns, state)

    def gain(*ways):
        for way in ways:
            way()
        return next(gains)

    monkeypatch.setattr(LeanDecoder, "extend", seen)
    monkeypatch.setattr(number_types, "_gain", gain)
    found = measured_gains(of_family(family).config, "sdpa", 2, "auto")
    served = family == "qwen2"  # by the lean step, which takes two models as one
    assert found == Gains(3.0, 0.9 if served else 2.0)
    assert stacked == [FLOAT, FLOAT, HALF, HALF] * served


@pytest.mark.parametrize("way", ["autocast", "bfloat16 weights"])
def test_a_likelihood_has_float32_logits(way):
    lm, rows = CausalLM(tiny("llama")), batch()
    if way == "bfloat16 weights":
        cast(lm, HALF)
    with torch.no_grad(), torch.autocast("cpu", HALF, enabled=way == "autocast"):
        found, hidden = lm.logprobs(rows), lm.predicting(rows)
    weight = lm.model.lm_head.weight.detach()
    logits = hidden.float() @ weight.float().T  # float32 products of the model's own numbers
    known = -F.cross_entropy(logits.mT, rows.response_ids, reduction="none")
    mask = rows.response_mask
    assert_close(found[mask], known[mask], atol=1e-5, rtol=1e-5)
    rounded = -F.cross_entropy(logits.to(HALF).float().mT, rows.response_ids, reduction="none")
    assert (found - rounded)[mask].abs().max() > 1e-3


def test_types_are_named():
    assert str(NumberTypes(HALF, HALF)) == "bfloat16"
    assert str(NumberTypes(HALF, FLOAT)) == "bfloat16, generation float32"
    assert NumberTypes(FLOAT, FLOAT).names == ("float32", None)
