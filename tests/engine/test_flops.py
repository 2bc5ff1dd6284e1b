"""FLOPs: computed by hand on two layers, and against PyTorch's counter on real passes."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import CausalLM, flops, generate
from harness.engine.flops import (
    ModelCost,
    NoEstimateError,
    forward_flops,
    generation_flops,
    missing,
    model_costs,
    training_flops,
)
from harness.engine.micro_batches import TrainRow
from harness.engine.train import to_batch

ROW = TrainRow("a", tuple(range(7)), tuple(range(5)))


@pytest.fixture(autouse=True)
def counted_again(monkeypatch):
    """No sizes of models that other tests counted."""
    monkeypatch.setattr(flops, "_SIZES", {})


def eager(width=32, layers=2):
    """A model with eager attention: PyTorch's counter misses fused attention on CPUs."""
    config = Qwen2Config(
        vocab_size=50,
        hidden_size=width,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    return Qwen2ForCausalLM(config)


def counted(work):
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    ops = {str(op): value for op, value in counter.get_flop_counts()["Global"].items()}
    attention = ops.get("aten.bmm", 0)
    return sum(ops.values()) - attention, attention


def matrices(lm, positions, logits):
    return sum(2 * cost.body * positions + 2 * cost.head * logits for cost in model_costs(lm))


def unmasked(lm, positions):
    return sum(4 * cost.attention * positions**2 for cost in model_costs(lm))


def test_a_cost_has_the_sizes_of_the_matrices():
    # q 32·32, k and v 32·16 each, o 32·32, three of 32·48 in the MLP: 7680 a layer
    # head 50·32; attention 2 layers · 4 heads · 8 wide
    assert model_costs(CausalLM(eager())) == [ModelCost(15360, 1600, 64, 15360, 1600, True)]
    fly = FlyThinkerLM(eager(), eager(width=16, layers=1))
    # reasoner: q and o 16·16, k and v 16·8, MLP 3·16·48 = 3072; no logits; 1 · 4 · 4
    assert model_costs(fly)[1] == ModelCost(3072, 0, 16, 3072, 0, True)


def test_a_forward_pass_by_hand():
    # 3 positions see 1 + 2 + 3 = 6; 2·10·3 + 4·5·6 + 2·7·2
    cost = ModelCost(10, 7, 5, trained_body=4, trained_head=0, trains=True)
    assert cost.forward(3, 2) == 60 + 120 + 28
    # gradients of all that is read, and of the 4 numbers that train: 2·4·3 + 4·5·6
    assert cost.training(3, 2) == 2 * 208 + 24 + 120
    assert replace(cost, trains=False).training(3, 2) == 208


LMS = {
    "causal": lambda: CausalLM(eager()),
    "flythinker": lambda: FlyThinkerLM(eager(), eager(width=16, layers=1), concurrent=False),
    "coconut": lambda: CoconutLM(eager(), n_thoughts=3),
}


@pytest.mark.parametrize("name", ["causal", "flythinker"])
def test_training_flops_equal_pytorchs_count(name):
    lm = LMS[name]()
    products, attention = counted(lambda: lm.loss(to_batch([ROW])).backward())
    assert products == 3 * matrices(lm, 12, 5)
    assert attention == 3 * unmasked(lm, 12)
    # causal attention sees (12·13/2)/12² of the pairs
    assert training_flops(lm, [ROW]) == products + attention * 78 // 144
    assert forward_flops(lm, [ROW]) * 3 == training_flops(lm, [ROW])


@pytest.mark.parametrize("name", LMS)
def test_generation_flops_equal_pytorchs_count(name):
    lm = LMS[name]()
    prompt, hidden = list(range(1, 8)), lm.hidden_per_example
    products, _ = counted(lambda: generate(lm, [prompt], max_new_tokens=6))
    # the sixth token is drawn but not read
    assert products == matrices(lm, 7 + hidden + 5, 6)
    expected = sum(cost.forward(7 + hidden + 6, 7) for cost in model_costs(lm))
    assert generation_flops(lm, [prompt], [[0] * 6]) == expected


def test_thoughts_count_as_positions_in_training():
    lm = LMS["coconut"]()
    products, _ = counted(lambda: lm.loss(to_batch([ROW])).backward())
    # our pass omits the last response token: 7 + 3 + 4
    assert products == pytest.approx(3 * matrices(lm, 14, 5), rel=0.01)
    assert training_flops(lm, [ROW]) == 3 * model_costs(lm)[0].forward(15, 5)


def test_a_frozen_reasoner_counts_forward_only():
    lm = LMS["flythinker"]()
    whole = training_flops(lm, [ROW])
    lm.reasoner.requires_grad_(False)
    products, _ = counted(lambda: lm.loss(to_batch([ROW])).backward())
    generator, reasoner = model_costs(lm)
    assert products == pytest.approx(
        3 * (2 * generator.body * 12 + 2 * generator.head * 5) + 2 * reasoner.body * 12
    )
    assert whole - training_flops(lm, [ROW]) == 2 * reasoner.forward(12, 0)


def test_every_view_counts():
    lm = LMS["causal"]()
    two = TrainRow("a", ROW.prompt, ROW.response, {"bare": ROW.prompt[:2]})
    one = TrainRow("a", ROW.prompt[:2], ROW.response)
    assert training_flops(lm, [two]) == training_flops(lm, [ROW, one])
    assert generation_flops(lm, [[1, 2]], [[3]], {"bare": [[1]]}) == generation_flops(
        lm, [[1, 2], [1]], [[3], [3]]
    )


class OneWay(CausalLM):
    """The loss reads a view that texts do not, without going back through it."""

    def passes(self, row, training):
        main, *more = super().passes(row, training)
        return [main, *(replace(each, backward=False) for each in more)] if training else [main]


def test_a_model_says_what_it_reads():
    lm, plain = OneWay(eager()), LMS["causal"]()
    two = TrainRow("a", ROW.prompt, ROW.response, {"bare": ROW.prompt[:2]})
    bare = model_costs(lm)[0].forward(2 + len(ROW.response), len(ROW.response))
    assert training_flops(lm, [two]) == training_flops(plain, [ROW]) + bare
    alone = generation_flops(plain, [[1, 2]], [[3]])
    assert generation_flops(lm, [[1, 2]], [[3]], {"bare": [[1]]}) == alone


def test_gradients_may_pass_through_a_frozen_model():
    cost = replace(model_costs(LMS["causal"]())[0], trains=False, trained_body=0, trained_head=0)
    # of a weight-less product, attention, the backward pass has two: 4 · 64 · (1 + … + 5) more
    assert cost.training(5, 2, backward=True) == 2 * cost.forward(5, 2) + 3840
    assert cost.training(5, 2) == cost.forward(5, 2)


def test_a_view_that_is_looked_up_costs_nothing():
    lm = LMS["causal"]()
    lm.lookups = frozenset({"user"})
    named = TrainRow("a", ROW.prompt, ROW.response, {"user": ROW.prompt})
    assert training_flops(lm, [named]) == training_flops(lm, [ROW])
    alone = generation_flops(lm, [[1, 2]], [[3]])
    assert generation_flops(lm, [[1, 2]], [[3]], {"user": [[1]]}) == alone


def test_no_matrix_of_other_architectures_is_missing():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, attn_implementation="eager")
    lm = CausalLM(GPT2LMHeadModel(config))
    with torch.no_grad():
        products, _ = counted(lambda: lm.loss(to_batch([ROW])))
    assert products == matrices(lm, 12, 5)


SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
          "v_head_dim": 8}  # fmt: skip
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2}


def family(kind, sizes=None):
    sizes = SMALL | (sizes or {})
    config = AutoConfig.for_model(kind, **sizes, attn_implementation="eager")
    config._experts_implementation = "eager"  # PyTorch's counter does not know grouped products
    return CausalLM(AutoModelForCausalLM.from_config(config).eval())


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("llama", {}),
        ("gemma3_text", {}),
        ("mixtral", EXPERTS),
        ("qwen3_moe", EXPERTS | {"moe_intermediate_size": 16}),
        ("gpt_oss", EXPERTS),
        ("minicpm3", LATENT | {"head_dim": None, "num_key_value_heads": 4}),
        ("gemma4_text", {"hidden_size_per_layer_input": 0, "num_hidden_layers": 6}),
    ],
)
@torch.no_grad()
def test_flops_of_families_equal_pytorchs_count(kind, sizes):
    lm = family(kind, sizes)
    assert missing(lm) is None
    products, attention = counted(lambda: lm.loss(to_batch([ROW])))
    expected = matrices(lm, 12, 5) + unmasked(lm, 12)
    assert products + attention == pytest.approx(expected, rel=0.03)


def nested():
    """A language model in a multimodal config with a vision tower."""
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "image_size": 16, "patch_size": 8}  # fmt: skip
    config = AutoConfig.for_model(
        "gemma3", text_config=SMALL, vision_config=vision, mm_tokens_per_image=4,
        attn_implementation="eager",
    )  # fmt: skip
    return CausalLM(AutoModelForCausalLM.from_config(config).eval())


def test_the_vision_tower_of_a_nested_config_does_not_count():
    lm, plain = nested(), family("gemma3_text")
    assert missing(lm) is None
    assert model_costs(lm) == model_costs(plain)


@pytest.mark.parametrize(
    ("kind", "sizes"), [("qwen3_next", {"num_hidden_layers": 4}), ("mamba", {})]
)
def test_a_running_state_has_no_estimate_and_the_reason_says_what_to_compare(kind, sizes):
    why = missing(family(kind, sizes))
    assert "has layers with a running state" in why
    assert "compare such runs by their seconds and tokens per second" in why


def test_a_layer_that_runs_twice_counts_twice():
    # hrm_text runs its two stacks several times in a pass
    lm = family("hrm_text")
    products, attention = counted(lambda: lm.loss(to_batch([ROW])))
    assert products + attention == matrices(lm, 12, 5) + unmasked(lm, 12)


def test_counting_leaves_the_model_as_it_was():
    lm = CausalLM(eager())
    lm.model.set_attn_implementation("sdpa")
    assert missing(lm) is None
    assert lm.model.config._attn_implementation == "sdpa"


def test_counts_that_do_not_follow_the_length_have_a_reason(monkeypatch):
    lm = CausalLM(eager())
    monkeypatch.setattr(flops, "_counted", lambda model, length: {4: 9, 8: 80, 16: 160}[length])
    # linear 10 and square 0 say 40 for 4 tokens
    assert "4 tokens cost 9 FLOPs in the layers of Qwen2ForCausalLM" in missing(lm)
    assert "say 40" in missing(lm)


def test_models_of_one_structure_are_counted_once(monkeypatch):
    expected = model_costs(CausalLM(eager()))
    monkeypatch.setattr(flops, "_counted", None)  # counting again would be an error
    assert model_costs(CausalLM(eager())) == expected
    assert "cannot be counted" in missing(CausalLM(eager(width=64)))


def test_a_model_that_cannot_be_counted_has_a_reason(monkeypatch):
    lm = CausalLM(eager())
    monkeypatch.setattr(lm.model, "set_attn_implementation", None)
    assert "Qwen2ForCausalLM cannot be counted" in missing(lm)
    with pytest.raises(NoEstimateError):
        training_flops(lm, [ROW])
