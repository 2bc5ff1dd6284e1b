"""Which models take the lean step, and what it does to their weights."""

import pytest
import torch

from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM, generate, lean_models
from harness.engine.lean_check import gaps_of
from harness.engine.lean_fit import fused, unfit
from harness.engine.lean_models import (
    choice_of,
    choose_step,
    lean_decoder,
    stacked_decoder,
    step_taken,
)
from harness.engine.lean_state import LeanState
from harness.errors import UsageError
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.lean import by
from tests.support.tiny import of_family, tiny

DYNAMIC = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
REFUSED = {
    "another family": (lambda: of_family("gemma"), "is of another family"),
    "window": (lambda: of_family("mistral", sliding_window=4), "has a sliding window"),
    "qwen2-window": (
        lambda: of_family("qwen2", use_sliding_window=True, sliding_window=4, max_window_layers=0),
        "has a sliding window",
    ),
    "rope": (
        lambda: of_family("llama", rope_parameters=DYNAMIC), "has RoPE of kind dynamic"
    ),
    "activation": (lambda: of_family("llama", hidden_act="gelu"), "has the activation gelu"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_another_shape_goes_through_transformers(make, reason):
    model = make()
    assert unfit(model) == reason
    known = by("transformers", CausalLM(model), max_new_tokens=9)
    assert by("auto", CausalLM(model), max_new_tokens=9) == known
    assert step_taken([model]) == f"transformers: {type(model).__name__} {reason}"
    with pytest.raises(UsageError, match=f"decode.step = lean: {type(model).__name__} {reason}"):
        choose_step([model], "lean")


def test_changed_modules_are_not_the_familys_own():
    model = tiny()
    model.model.layers[0].mlp.register_forward_hook(lambda *_: None)
    assert unfit(model) == "has layers that are not its family's"
    model = tiny()
    model.model.layers[0].mlp.up_proj = torch.nn.Identity()
    assert unfit(model) == "has layers that are not its family's"


def test_a_model_made_in_inference_mode_keeps_its_weights():
    with torch.inference_mode():
        model = tiny()
    assert unfit(model) == "was made in inference mode"
    assert by("auto", CausalLM(model)) == by("auto", CausalLM(tiny()))


def rough(scaling=None):
    """A model whose log-probs in bfloat16 depend on the order of sums."""
    model = tiny("llama", seed=2)
    for name, part in model.named_parameters():
        part.data *= 8 if "proj" in name else 1
    if scaling is not None:
        model.model.layers[1].self_attn.scaling *= scaling
    return model.bfloat16()


@torch.no_grad()
def test_rounding_of_half_precision_is_told_from_another_computation():
    assert gaps_of(rough(), fused([rough()])).refusal() is not None
    model = rough()
    assert lean_decoder(model) is not None
    assert step_taken([model]) == "lean"
    for scaling in (0.95, 0.5):  # in bfloat16 most positions agree with the first
        model = rough(scaling)
        assert lean_decoder(model) is None
        assert "log-probs that the lean step misses" in step_taken([model])


@pytest.mark.parametrize("scaling", [None, 0.95])
def test_texts_in_half_precision_whose_rounding_is_checked_in_float32(scaling):
    model, own = rough(scaling), rough(scaling)
    text = generate(CausalLM(model), PROMPTS, max_new_tokens=5)
    taken = step_taken([model])
    assert taken == "lean" if scaling is None else "log-probs that the lean step misses" in taken
    if scaling is not None:
        assert text == by("transformers", CausalLM(own), max_new_tokens=5)
    assert not any(part.is_inference() for part in model.parameters())


@torch.no_grad()
@pytest.mark.parametrize("error", [torch.OutOfMemoryError(), RuntimeError("can't allocate memory")])
def test_without_memory_for_the_check_in_float32_a_model_goes_through_transformers(
    monkeypatch, error
):
    def full(model):
        raise error

    monkeypatch.setattr(lean_models, "deepcopy", full)
    model = rough()
    assert lean_decoder(model) is None
    assert "log-probs that the lean step misses" in step_taken([model])


@torch.no_grad()
def test_a_pair_of_which_one_model_fails_the_check_is_never_stacked():
    pair = [tiny(), tiny(seed=1)]
    pair[1].model.layers[1].self_attn.scaling = 0.9
    assert stacked_decoder(pair) is None
    assert lean_decoder(pair[0]) is not None
    assert lean_decoder(pair[1]) is None


def test_a_model_that_computes_something_else_fails_the_check():
    model = tiny()
    model.model.layers[1].self_attn.scaling = 0.9
    text = generate(CausalLM(model), PROMPTS, max_new_tokens=5)
    assert "has log-probs that the lean step misses by" in choice_of(model).refusal
    assert by("transformers", CausalLM(model), max_new_tokens=5) == text
    choice_of(model).step, choice_of(model).refusal = "lean", None
    with pytest.raises(UsageError, match="has log-probs that the lean step misses by"):
        generate(CausalLM(model), PROMPTS, max_new_tokens=5)


def test_no_weight_is_held_twice_and_training_is_seen():
    lm = FlyThinkerLM(tiny(), tiny(seed=1))
    before = {name: part.clone() for name, part in lm.state_dict().items()}
    generate(lm, PROMPTS, max_new_tokens=2)
    for name, part in lm.state_dict().items():
        assert torch.equal(part, before[name])
        assert part.is_contiguous()
    stack = choice_of(lm.generator).stack
    for index, model in enumerate((lm.generator, lm.reasoner)):
        q = model.model.layers[0].self_attn.q_proj.weight
        assert q.data_ptr() == stack.layers[0].qkv.weight[index].data_ptr()
    optimizer = torch.optim.AdamW(lm.parameters(), lr=0.05)
    lm.loss(Batch.from_rows(PROMPTS, RESPONSES, 0)).backward()
    optimizer.step()
    assert by("auto", lm) == by("transformers", lm)


def test_moved_weights_are_fused_again():
    lm = CausalLM(tiny())
    generate(lm, PROMPTS, max_new_tokens=2)
    decoder = choice_of(lm.model).decoder
    for part in lm.parameters():
        part.data = part.data * 2
    assert by("auto", lm) == by("transformers", lm)
    with torch.no_grad():
        choose_step([lm.model], "auto")
        assert lean_decoder(lm.model) is not decoder


def test_autocast_goes_through_transformers():
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert not isinstance(CausalLM(tiny()).prefill(PROMPTS)[1], LeanState)


def test_gradients_and_training_go_through_transformers():
    lm = CausalLM(tiny())
    assert not isinstance(lm.prefill(PROMPTS)[1], LeanState)
    with torch.no_grad():
        assert not isinstance(lm.train().prefill(PROMPTS)[1], LeanState)
