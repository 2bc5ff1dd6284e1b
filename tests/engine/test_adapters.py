"""Adapters: the base until a first step, frozen below them, saved alone, merged to rounding."""

from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM, generate
from harness.engine.adapters import (
    adapted_layers,
    add_adapters,
    has_adapter,
    merge_adapters,
    store_base,
)
from harness.engine.flops import model_costs, training_flops
from harness.engine.lean_fit import unfit
from harness.engine.lean_models import choose_step, step_taken
from harness.engine.lm import causal_lms
from harness.engine.micro_batches import TrainRow
from harness.engine.train import train
from harness.engine.trial import refuse_wrong_ways
from harness.engine.weight_files import load_weights, save_weights, trained_tensors
from harness.errors import DataError, UsageError
from harness.settings import ModelSettings
from tests.support.golden import cases, golden_model
from tests.support.tiny import of_family, tiny
from tests.support.training import ROWS, SETTINGS, batch, fly

LORA = ModelSettings(adapter="lora", lora_rank=4, lora_alpha=8)
MAKERS = {
    "causal": lambda: CausalLM(tiny()),
    "coconut": lambda: CoconutLM(tiny(), 2),
    "flythinker": fly,
}


def adapted(make, settings=LORA, seed=0):
    lm = make()
    add_adapters(lm, settings, seed)
    return lm.eval()


def moved(lm, seed=1):
    """Adapters that change the model, as after training."""
    torch.manual_seed(seed)
    for name, part in lm.named_parameters():
        if "lora_B" in name:
            part.data.normal_(std=0.1)
    return lm


def golden_lm(folder, case):
    if folder == "coconut":
        return CoconutLM(golden_model(folder, "model"), n_thoughts=case["n_thoughts"])
    models = [golden_model(folder, part) for part in ("generator", "reasoner")]
    return FlyThinkerLM(*models, lam=case["lam"])


@pytest.mark.parametrize(
    "golden", [*cases("coconut"), *cases("flythinker-narrow"), *cases("flythinker-llama")]
)
def test_new_adapters_change_no_golden_number(golden):
    folder, case = golden
    rows = [(row["prompt"], row["response"]) for row in case["rows"]]
    whole = Batch.from_rows(*zip(*rows, strict=True), 0)
    lm, base = adapted(lambda: golden_lm(folder, case)), golden_lm(folder, case)
    for each in (lm, base):  # the lean step, which takes no adapters, rounds otherwise
        choose_step([model for _, model in causal_lms(each)], "transformers")
    with torch.no_grad():
        found = lm.logprobs(whole)
        assert torch.equal(found, base.logprobs(whole))
    for row, logprobs in zip(case["rows"], found, strict=True):
        known = torch.tensor(row["logprobs"])
        assert_close(logprobs[: len(known)], known, atol=1e-4, rtol=0)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_merged_equals_unmerged(make):
    lm = moved(adapted(make))
    kinds = [type(model) for _, model in causal_lms(lm)]
    with torch.no_grad():
        before, base = lm.logprobs(batch()), make().logprobs(batch())
        merge_adapters(lm)
        after = lm.logprobs(batch())
    assert (before - base).abs().max() > 1e-2
    assert_close(after, before, atol=1e-5, rtol=0)
    models = [model for _, model in causal_lms(lm)]
    assert [type(model) for model in models] == kinds
    assert not any(map(has_adapter, models))
    assert not any("lora" in name for name, _ in lm.named_modules())


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_training_changes_adapters_and_nothing_else(make, tmp_path):
    lm, base = adapted(make), make()
    known = {name: part.clone() for name, part in lm.named_parameters()}
    train(lm, ROWS, SETTINGS, lr=1e-2, seed=0)
    for name, part in lm.named_parameters():
        assert torch.equal(part, known[name]) != ("lora" in name), name
    assert {part.requires_grad for name, part in lm.named_parameters() if "lora" in name} == {True}
    # only adapters are saved, and they make the trained model again
    save_weights(lm, tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        names = list(file.keys())
    assert names
    assert all("lora" in name for name in names)
    again = adapted(make, seed=5)
    load_weights(again, tmp_path / "w.safetensors")
    with torch.no_grad():
        assert torch.equal(again.logprobs(batch()), lm.logprobs(batch()))
        assert not torch.equal(again.logprobs(batch()), base.eval().logprobs(batch()))


def test_a_saved_adapter_is_small(tmp_path):
    lm = adapted(lambda: CausalLM(tiny(width=64)), LORA.model_copy(update={"lora_rank": 1}))
    save_weights(lm, tmp_path / "adapter")
    save_weights(CausalLM(tiny(width=64)), tmp_path / "all")
    few, many = ((tmp_path / name).stat().st_size for name in ("adapter", "all"))
    assert few < many / 4


def test_weights_of_other_adapters_are_refused(tmp_path):
    save_weights(adapted(MAKERS["causal"]), tmp_path / "w")
    other = adapted(MAKERS["causal"], LORA.model_copy(update={"lora_rank": 2}))
    with pytest.raises(DataError, match=r"28 tensors of the adapters differ: .*\[4, 32\], not"):
        load_weights(other, tmp_path / "w")
    with pytest.raises(DataError, match="does not fit this model"):
        load_weights(CausalLM(tiny()), tmp_path / "w")


class StopNowError(Exception):
    pass


@pytest.mark.parametrize("stop_at", [1, 3])
def test_an_interrupted_training_with_dropout_ends_like_an_uninterrupted_one(tmp_path, stop_at):
    settings = LORA.model_copy(update={"lora_dropout": 0.3})
    often = SETTINGS.model_copy(update={"checkpoint_minutes": 1e-9})
    whole = adapted(fly, settings)
    known = train(whole, ROWS, SETTINGS, lr=1e-2, seed=3)
    undropped = train(adapted(fly), ROWS, SETTINGS, lr=1e-2, seed=3)
    assert known.curve[-1].loss != undropped.curve[-1].loss

    def stop(done, total, step, log):
        if done == stop_at + 1:
            raise StopNowError

    place = tmp_path / "checkpoint"
    with pytest.raises(StopNowError):
        train(adapted(fly, settings), ROWS, often, lr=1e-2, seed=3, checkpoint=place, on_step=stop)
    resumed = adapted(fly, settings)
    log = train(resumed, ROWS, SETTINGS, lr=1e-2, seed=3, checkpoint=place)
    assert log.curve == known.curve
    for name, tensor in trained_tensors(whole).items():
        assert torch.equal(tensor, trained_tensors(resumed)[name])


def test_the_lean_step_adds_adapters_to_the_same_texts_merged_or_not():
    def texts(step):
        lm = moved(adapted(fly))
        choose_step([model for _, model in causal_lms(lm)], step)
        return lm, generate(lm, [list(row.prompt) for row in ROWS], max_new_tokens=8)

    lm, found = texts("auto")
    models = [model for _, model in causal_lms(lm)]
    assert step_taken(models) == "lean, stacked"
    assert found == texts("transformers")[1]
    moved(lm, 5)  # training goes on: the step has no old copies
    later = generate(lm, [list(row.prompt) for row in ROWS], max_new_tokens=8)
    assert later != found
    merge_adapters(lm)
    assert generate(lm, [list(row.prompt) for row in ROWS], max_new_tokens=8) == later
    assert step_taken(models) == "lean, stacked"


def test_the_lean_step_steps_aside_for_unusual_adapters():
    lm = moved(adapted(MAKERS["causal"]))
    layer = next(layer for _, _, layer in adapted_layers(lm))
    layer.lora_bias["default"] = True
    assert unfit(lm.model) == "has layers that are not its family's"


def test_a_frozen_matrix_has_no_gradient_of_its_own():
    # q, k, v, o, gate, up, down: 4 numbers for each of 32+32, 32+16, 32+16, 32+32, and 3 · (32+48)
    # in 2 layers: 2 · 4 · 464
    lm, plain = adapted(MAKERS["causal"]), CausalLM(tiny())
    (cost,), (bare,) = model_costs(lm), model_costs(plain)
    assert cost.trained_body == cost.body - bare.body == 2 * 4 * 464
    assert cost.trained_head == 0
    row = TrainRow("a", (1, 2, 3), (4, 5))
    weights = replace(cost, body=cost.trained_body, head=0).forward(5, 2)
    assert training_flops(lm, [row]) == 2 * cost.forward(5, 2) + weights
    merge_adapters(lm)
    assert model_costs(lm)[0].body == bare.body


def test_a_model_that_was_frozen_on_purpose_gets_no_adapter():
    def half_frozen():
        lm = fly()
        lm.reasoner.requires_grad_(False)
        return lm

    lm = adapted(half_frozen)
    assert has_adapter(lm.generator)
    assert not has_adapter(lm.reasoner)
    assert not any(part.requires_grad for part in lm.reasoner.parameters())


def test_both_models_get_adapters_of_their_own_and_the_seed_decides():
    one, same, other = adapted(fly), adapted(fly), adapted(fly, seed=1)
    found = [
        {k: v for k, v in trained_tensors(lm).items() if "lora_A" in k} for lm in (one, same, other)
    ]
    assert all(torch.equal(v, found[1][k]) for k, v in found[0].items())
    assert not any(torch.equal(v, found[2][k]) for k, v in found[0].items())
    for name, tensor in found[0].items():
        if name.startswith("generator."):
            assert not torch.equal(tensor, found[0][name.replace("generator.", "reasoner.")])


def test_the_base_may_lie_in_bfloat16_below_adapters_in_float32():
    lm = adapted(fly)
    store_base(lm, torch.bfloat16)
    kinds = {("lora" in name, part.dtype) for name, part in lm.named_parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}
    found, known = (
        train(each, ROWS, SETTINGS.model_copy(update={"epochs": 1}), lr=1e-2, seed=0, dtype=dtype)
        for each, dtype in ((lm, torch.bfloat16), (adapted(fly), torch.float32))
    )
    for step, expected in zip(found.curve, known.curve, strict=True):
        assert step.loss == pytest.approx(expected.loss, abs=0.1)
        assert step.grad_norm == pytest.approx(expected.grad_norm, rel=0.1)
    plain = CausalLM(tiny())
    store_base(plain, torch.bfloat16)
    assert {part.dtype for part in plain.parameters()} == {torch.float32}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_trial_before_a_run_takes_adapters(checkpointing):
    refuse_wrong_ways(adapted(fly), "flythinker", trains=True, checkpointing=checkpointing)


TARGETS = [
    (("q_porj",), "'q_porj' in Qwen2ForCausalLM; expected all-linear alone, or linear layers"),
    (("lm_head",), r"'lm_head' .* below the head: down_proj, gate_proj, k_proj, o_proj"),
    (("q_proj", "embed_tokens"), "'embed_tokens' in"),
    (("all-linear", "q_proj"), "'all-linear' in"),
]


@pytest.mark.parametrize(("targets", "message"), TARGETS)
def test_targets_that_no_layer_has_are_refused(targets, message):
    with pytest.raises(UsageError, match=message):
        adapted(MAKERS["causal"], LORA.model_copy(update={"lora_targets": targets}))


def test_targets_are_layers_by_name():
    lm = adapted(MAKERS["causal"], LORA.model_copy(update={"lora_targets": ("q_proj", "up_proj")}))
    layers = {name.split(".lora_")[0].rpartition(".")[2] for name in trained_tensors(lm)}
    assert layers == {"q_proj", "up_proj"}


def test_layers_of_other_kinds_get_adapters():
    lm = adapted(lambda: CausalLM(of_family("gpt2", n_embd=32, n_layer=1, n_head=4)))
    assert any("c_attn.lora_A" in name for name in trained_tensors(lm))


def test_a_method_without_a_model_to_adapt_is_told():
    def frozen():
        lm = CausalLM(tiny())
        lm.requires_grad_(False)
        return lm

    with pytest.raises(UsageError, match=r"CausalLM has no causal LM that trains"):
        adapted(frozen)
