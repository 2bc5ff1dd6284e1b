"""Weights in 4 bits below adapters: near the model, trained, saved and loaded as adapters are."""

import sys
from statistics import fmean

import pytest
import torch
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from harness.engine import CausalLM, generate
from harness.engine.adapters import add_adapters, merge_adapters, store_base
from harness.engine.devices import cast
from harness.engine.flops import model_costs
from harness.engine.four_bits import in_four_bits, numbers, refuse_four_bits
from harness.engine.train import train
from harness.engine.trial import refuse_wrong_ways
from harness.engine.weight_files import load_weights, save_weights, trained_tensors
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS, batch

QLORA = ModelSettings(adapter="qlora", lora_rank=4, lora_alpha=8)
WHOLE_BLOCKS = {"width": 64, "inner": 128}
MAKERS = {
    "causal": lambda: CausalLM(tiny(**WHOLE_BLOCKS)),
    "flythinker": lambda: FlyThinkerLM(tiny(**WHOLE_BLOCKS), tiny(seed=1, **WHOLE_BLOCKS)),
}


@pytest.fixture(autouse=True)
def _bitsandbytes():
    pytest.importorskip("bitsandbytes")


def quantized(make=MAKERS["causal"], settings=QLORA):
    lm = make()
    add_adapters(lm, settings, 0)
    return lm.eval()


def round_to_four_bits(whole, lm):
    """Give `whole` the weights that `lm` has packed, each near its own."""
    from bitsandbytes.functional import dequantize_4bit

    parts = dict(whole.named_modules())
    packed = {
        name.removesuffix(".base_layer"): layer.weight
        for name, layer in lm.named_modules()
        if name.endswith(".base_layer")
    }
    assert len(packed) == 7 * sum(name.endswith(".mlp") for name in parts)
    for name, weight in packed.items():
        rounded = dequantize_4bit(weight.data, weight.quant_state)
        error = (rounded - parts[name].weight).norm() / parts[name].weight.norm()
        assert 0.05 < error < 0.12
        parts[name].weight.data = rounded


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@torch.no_grad()
def test_it_is_the_model_with_rounded_weights(make):
    whole, lm = make().eval(), quantized(make)
    assert numbers(lm) == numbers(whole) + sum(p.numel() for p in trained_tensors(lm).values())
    # FLOPs are those of the layers that the packed weights stand for
    assert model_costs(lm)[0].head == model_costs(whole)[0].head
    assert model_costs(lm)[0].body > model_costs(whole)[0].body
    round_to_four_bits(whole, lm)
    assert_close(lm.logprobs(batch()), whole.logprobs(batch()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_adapters_alone_are_trained_saved_and_loaded(make, tmp_path):
    lm = quantized(make)
    store_base(lm, torch.float32)
    packed = {k: v.clone() for k, v in lm.state_dict().items() if v.dtype is torch.uint8}
    assert packed
    log = train(lm, ROWS, SETTINGS, lr=1e-2, seed=0, epochs=6)
    assert fmean(step.loss for step in log.curve[-5:]) < log.curve[0].loss
    assert all(torch.equal(lm.state_dict()[name], part) for name, part in packed.items())
    save_weights(lm, tmp_path / "model.safetensors")
    assert all("lora_" in name for name in trained_tensors(lm))
    other = quantized(make)
    load_weights(other, tmp_path / "model.safetensors")
    with torch.no_grad():
        assert_close(other.logprobs(batch()), lm.logprobs(batch()), atol=1e-6, rtol=0)


def test_for_generation_adapters_stay_apart_and_the_type_is_that_of_the_run():
    lm = quantized()
    merge_adapters(lm)
    assert in_four_bits(lm.model)
    assert trained_tensors(lm)
    for dtype in (torch.bfloat16, torch.float32):
        cast(lm, dtype)
        layer = lm.model.model.layers[0].self_attn.q_proj.base_layer
        assert (layer.compute_dtype, layer.weight.dtype) == (dtype, torch.uint8)
        with torch.no_grad():
            assert lm.logprobs(batch()).isfinite().all()
    refuse_wrong_ways(lm, "sft", trains=True, checkpointing=True, views=[])
    assert len(generate(lm, [[3, 4, 5]], max_new_tokens=4)[0]) == 4


def test_a_layer_that_the_package_packs_wrongly_is_refused(monkeypatch):
    """As bitsandbytes 0.50 does on a CPU with rows of 32 numbers in blocks of 64."""
    from bitsandbytes import functional

    right = functional.dequantize_4bit
    monkeypatch.setattr(functional, "dequantize_4bit", lambda *given: 1.5 * right(*given))
    with pytest.raises(UsageError, match=r"changes layer q_proj, 64 × 64, by 5\d%; expected about"):
        quantized()


def test_without_the_package_it_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(UsageError, match=r"package bitsandbytes cannot be imported.*\n.*\[qlora\]"):
        quantized()


def test_a_model_with_adapters_and_shards_are_refused():
    lm = CausalLM(tiny())
    add_adapters(lm, QLORA.model_copy(update={"adapter": "lora"}), 0)
    with pytest.raises(UsageError, match="has adapters of its own"):
        add_adapters(lm, QLORA, 0)
    with pytest.raises(UsageError, match=r"train\.sharding=full: CausalLM has weights in 4 bits"):
        refuse_four_bits(quantized(), "train.sharding=full")
