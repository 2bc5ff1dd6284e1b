"""FlyThinker on one backbone, against FlyThinker on two models with the same weights."""

import pytest
import torch
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from flythinker import shared_model as shared_module
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from flythinker.shared import FlyThinkerShared
from flythinker.shared_model import SharedThinkerLM, TwoRowLinear
from harness.conformance import check_method, failures
from harness.engine import Batch, CausalLM, generate
from harness.engine.adapter_folders import save_adapters
from harness.engine.adapters import add_adapters, has_adapter, merge_adapters
from harness.engine.backbone import Backbones
from harness.engine.decode import logprobs_in_steps
from harness.engine.flops import model_costs
from harness.engine.lean_models import choice_of, choose_step, step_taken
from harness.engine.train import to_batch, train
from harness.engine.weight_files import load_weights, save_weights
from harness.errors import UsageError
from harness.settings import ModelSettings, RunSettings
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.golden import cases, golden_model
from tests.support.tiny import tiny
from tests.support.training import ROWS, SETTINGS, fly

LORA = ModelSettings(lora_rank=4, lora_alpha=8)


def shared(moved=False, lam=0.8, **options):
    lm = SharedThinkerLM(tiny(), LORA, lam=lam, **options).eval()
    torch.manual_seed(2)
    for name, part in lm.named_parameters():
        if moved and "lora_B" in name:
            part.data.normal_(std=0.1)
    return lm


def merged(lm, part):
    """A model of its own with the weights that `lm` uses as this part."""
    model = tiny()
    one = CausalLM(model)
    add_adapters(one, LORA.model_copy(update={"adapter": "lora"}), 0)
    own, theirs = model.state_dict(), getattr(lm, part).state_dict()
    model.load_state_dict({name: theirs[name] for name in own})
    merge_adapters(one)
    return model.eval()


def two_models(lm):
    return FlyThinkerLM(merged(lm, "generator"), merged(lm, "reasoner"), lam=lm.lam)


def test_new_adapters_are_flythinker_with_the_base_as_both_models():
    known = alone(FlyThinkerLM(tiny(), tiny(), lam=0.8), PROMPTS, RESPONSES)
    for found, expected in zip(alone(shared(), PROMPTS, RESPONSES), known, strict=True):
        assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("golden", cases("coconut")[:1])
def test_at_lam_0_new_adapters_are_the_base(golden):
    folder, case = golden
    rows = case["rows"]
    batch = Batch.from_rows([r["prompt"] for r in rows], [r["response"] for r in rows], 0)
    lm = SharedThinkerLM(golden_model(folder, "model"), LORA, lam=0.0)
    assert torch.equal(lm.logprobs(batch), CausalLM(golden_model(folder, "model")).logprobs(batch))


@torch.no_grad()
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_gives_the_logprobs_of_two_models(way):
    lm = shared(moved=True)
    known = alone(two_models(lm), PROMPTS, RESPONSES)
    for found, expected in zip(way(lm, PROMPTS, RESPONSES), known, strict=True):
        assert_close(found, expected, atol=1e-5, rtol=0)
    assert (torch.cat(known) - torch.cat(alone(shared(), PROMPTS, RESPONSES))).abs().max() > 1e-2


@torch.no_grad()
def test_a_step_is_one_pass_and_writes_what_two_passes_write(monkeypatch):
    lm, passes = shared(moved=True), []
    choose_step([lm.generator, lm.reasoner], "transformers")
    real = shared_module.extend

    def counted(model, embeddings, state):
        passes.append(len(embeddings))
        return real(model, embeddings, state)

    monkeypatch.setattr(shared_module, "extend", counted)
    together = generate(lm, PROMPTS, max_new_tokens=8)
    assert passes == [2 * len(PROMPTS)] * 7
    monkeypatch.setattr(shared_module, "stacked_caches", lambda states: None)
    assert generate(lm, PROMPTS, max_new_tokens=8) == together
    assert len(passes) == 7


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "top_p": 0.9}])
def test_the_lean_step_writes_what_transformers_step_writes(options):
    lm = shared(moved=True)
    known = generate(lm, PROMPTS, max_new_tokens=24, **options)
    assert step_taken([lm.generator, lm.reasoner]) == "lean, stacked"
    q = choice_of(lm.generator).stack.layers[0].qkv
    base = lm.generator.model.layers[0].self_attn.q_proj.base_layer.weight
    assert (len(q.weight), len(q.adapters.down)) == (1, 2)  # the backbone's weights, once
    assert q.weight.data_ptr() == base.data_ptr()
    ends = {known[0][5], known[2][9]}
    for seed, row in enumerate(PROMPTS):
        assert generate(lm, [row], max_new_tokens=24, seeds=[seed], **options) == [known[seed]]
    choose_step([lm.generator, lm.reasoner], "transformers")
    assert generate(lm, PROMPTS, max_new_tokens=24, **options) == known
    left = generate(lm, PROMPTS, max_new_tokens=24, eos_id=ends, **options)
    choose_step([lm.generator, lm.reasoner], "auto")
    assert generate(lm, PROMPTS, max_new_tokens=24, eos_id=ends, **options) == left
    slots = generate(lm, PROMPTS, max_new_tokens=24, eos_id=ends, rows_at_once=2, **options)
    assert slots == left


@torch.no_grad()
@pytest.mark.parametrize("step", ["lean", "transformers"])
def test_a_step_sees_adapters_that_were_trained_after_an_earlier_one(step):
    lm = shared()
    choose_step([lm.generator, lm.reasoner], step)
    generate(lm, PROMPTS, max_new_tokens=2)
    for name, part in lm.named_parameters():
        if "lora_B" in name:
            part.data.normal_(std=0.1)
    found, known = WAYS["prefill and step"](lm, PROMPTS, RESPONSES), alone(lm, PROMPTS, RESPONSES)
    for one, other in zip(found, known, strict=True):
        assert_close(one, other, atol=1e-5, rtol=0)


def test_the_backbone_lies_in_memory_once():
    lm, base = shared(), sum(part.numel() for part in tiny().parameters())
    adapters = sum(part.numel() for name, part in lm.named_parameters() if "lora" in name)
    assert sum(part.numel() for part in lm.parameters()) == base + adapters
    one, other = (
        {id(part) for name, part in model.named_parameters() if "lora" not in name}
        for model in (lm.generator, lm.reasoner)
    )
    assert one == other
    lm.to(torch.float64).to(torch.float32)  # a move keeps it so
    assert lm.generator.model.norm.weight is lm.reasoner.model.norm.weight
    generate(lm, PROMPTS, max_new_tokens=2)
    assert not any(isinstance(part, TwoRowLinear) for part in lm.modules())


@pytest.mark.parametrize("train_base", [False, True])
def test_training_changes_both_adapters_and_the_base_if_asked(train_base, tmp_path):
    lm = shared(train_base=train_base)
    known = {name: part.clone() for name, part in lm.named_parameters()}
    train(lm, ROWS, SETTINGS, lr=1e-2, seed=0)
    for name, part in lm.named_parameters():
        assert torch.equal(part, known[name]) != (train_base or "lora" in name), name
    save_weights(lm, tmp_path / "w")
    again = shared(train_base=train_base)
    load_weights(again, tmp_path / "w")
    batch = to_batch(ROWS)
    with torch.no_grad():
        assert torch.equal(again.logprobs(batch), lm.logprobs(batch))
        merge_adapters(lm)  # two adapters over the same weights stay apart
        assert has_adapter(lm.generator)
        assert torch.equal(again.logprobs(batch), lm.logprobs(batch))


def test_thoughts_that_are_computed_twice_change_nothing():
    logs = [
        train(shared(moved=True, recompute=recompute), ROWS, settings, lr=1e-2, seed=0)
        for recompute, settings in (
            (False, SETTINGS),
            (True, SETTINGS),
            (True, SETTINGS.model_copy(update={"gradient_checkpointing": True})),
        )
    ]
    for other in logs[1:]:
        for one, two in zip(logs[0].curve, other.curve, strict=True):
            assert two.loss == pytest.approx(one.loss, rel=1e-5)
            assert two.grad_norm == pytest.approx(one.grad_norm, rel=1e-4)


def test_each_adapter_is_saved_for_itself(tmp_path):
    lm = shared(moved=True)
    save_adapters(lm, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator", "reasoner"]


def test_flops_count_both_passes():
    generator, reasoner = model_costs(shared())
    assert (generator.body, generator.trained_body) == (reasoner.body, reasoner.trained_body)
    assert generator.head > 0 == reasoner.head


@torch.no_grad()
def test_a_donor_of_another_length_stays_in_step():
    lm = ReplacedThoughtsLM(shared(moved=True), "donor")
    donors = [[7, 7, 1], [2, 80, 14, 15, 6, 6, 40], [33]]
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0, views={"donor": donors})
    known = lm.logprobs(batch)
    for row, expected in zip(logprobs_in_steps(lm, batch), known, strict=True):
        assert_close(row, expected[: len(row)], atol=1e-5, rtol=0)


GATED = {
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1), lam=0.5, gate=True),
    "flythinker-shared": lambda: shared(gate=True),
}


@pytest.mark.parametrize("make", GATED.values(), ids=GATED)
def test_with_a_gate_training_begins_where_sft_begins(make):
    lm, batch = make(), to_batch(ROWS)
    assert torch.equal(lm.loss(batch), CausalLM(tiny()).loss(batch))
    ours = train(lm, ROWS, SETTINGS, lr=1e-2, seed=0)
    sft = train(CausalLM(tiny()), ROWS, SETTINGS, lr=1e-2, seed=0)
    assert ours.curve[0].loss == sft.curve[0].loss
    assert abs(lm.gate.item()) > 0
    # lam multiplies the gate: its gradient is proportional to lam
    gradients = []
    for lam in (0.5, 1.0):
        fresh = make()
        fresh.lam = fresh.target_lam = lam
        fresh.loss(batch).backward()
        gradients.append(fresh.gate.grad.item())
    assert gradients[1] == pytest.approx(2 * gradients[0], rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("make", GATED.values(), ids=GATED)
def test_a_gate_counts_in_steps_too(make):
    lm = make().eval()
    lm.gate.data.fill_(0.7)
    plain = fly() if isinstance(lm, FlyThinkerLM) and not isinstance(lm, SharedThinkerLM) else None
    known = alone(lm, PROMPTS, RESPONSES)
    for one, other in zip(WAYS["prefix and step"](lm, PROMPTS, RESPONSES), known, strict=True):
        assert_close(one, other, atol=1e-5, rtol=0)
    if plain is not None:
        plain.lam = 0.5 * 0.7
        for one, other in zip(alone(plain, PROMPTS, RESPONSES), known, strict=True):
            assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_method_passes_the_kit():
    assert not failures(check_method(FlyThinkerShared, {"reasoner_gate": True}))


def test_what_cannot_be_shared_is_refused(backbone):
    model = ModelSettings(backbone=str(backbone), device="cuda:0,cuda:1")
    method = FlyThinkerShared(RunSettings(model=model))
    with pytest.raises(UsageError, match=r"model\.device = 'cuda:0,cuda:1'; expected one device"):
        method.build(Backbones(model))


def test_an_adapters_folder_is_merged_first(backbone, tmp_path):
    lm = CausalLM(Backbones(ModelSettings(backbone=str(backbone))).main)
    add_adapters(lm, LORA.model_copy(update={"adapter": "lora"}), 0)
    save_adapters(lm, tmp_path)
    model = ModelSettings(
        backbone=str(tmp_path / "model"), base=str(backbone), adapter="lora", device="cpu"
    )
    with pytest.raises(UsageError, match="expected a model below two new adapters"):
        FlyThinkerShared(RunSettings(model=model)).build(Backbones(model))
    merged = model.model_copy(update={"adapter": "none"})
    assert FlyThinkerShared(RunSettings(model=merged)).build(Backbones(merged)).adapted
