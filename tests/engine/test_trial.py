"""The trial of a method's model before training: what passes and what is refused."""

import time

import pytest
import torch

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import CausalLM
from harness.engine.agreement import refuse_disagreement
from harness.engine.trial import refuse_wrong_ways
from harness.errors import UsageError
from tests.support import broken_models
from tests.support.tiny import tiny
from tests.support.tiny_families import tiny_model

LMS = {
    "plain": lambda: CausalLM(tiny()),
    "coconut": lambda: CoconutLM(tiny(), 3),
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1), concurrent=False),
}


@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
def test_a_correct_model_is_unchanged_within_a_second(make):
    lm = make()
    weights = [part.detach().clone() for part in lm.parameters()]
    modes = [part.training for part in lm.modules()]
    stream, begin = torch.get_rng_state(), time.monotonic()
    refuse_wrong_ways(lm, "m", trains=True, checkpointing=True)
    assert time.monotonic() - begin < 5  # 0.1 s on an idle core
    assert torch.equal(torch.get_rng_state(), stream)
    assert [part.training for part in lm.modules()] == modes
    assert not lm.hidden_s
    assert not any(getattr(part, "gradient_checkpointing", False) for part in lm.modules())
    for part, known in zip(lm.parameters(), weights, strict=True):
        assert part.grad is None
        assert torch.equal(part, known)


class NoGradient(CausalLM):
    def loss(self, batch):
        return super().loss(batch) * float("nan")


class NotSoCheckpointed(CausalLM):
    def loss(self, batch):
        inside = any(getattr(part, "gradient_checkpointing", False) for part in self.modules())
        return super().loss(batch) * (2 if inside else 1)


WRONG = [
    (broken_models.NoMask, "steps after prompts of unequal length: log-probs differ by up to"),
    (
        broken_models.ForgetsPrefixes,
        "steps after prefixes of unequal length: log-probs differ by up to",
    ),
    (broken_models.StepsOnOneRow, "steps after prompts of unequal length"),
    (broken_models.AddsTheBatchMean, "rows of unequal length in one batch"),
    (NoGradient, "one gradient step: loss nan, gradient norm nan; expected numbers"),
    (NotSoCheckpointed, "loss with gradient checkpointing .*, without .*; expected the same"),
]


@pytest.mark.parametrize(("kind", "message"), WRONG, ids=[kind.__name__ for kind, _ in WRONG])
def test_a_disagreement_is_named_with_class_and_remedy(kind, message):
    with pytest.raises(UsageError, match=rf"(?s)mine with Qwen2ForCausalLM: {message}.*mend  "):
        refuse_wrong_ways(kind(tiny()), "mine", trains=True, checkpointing=True)


def test_a_model_that_needs_eager_attention_is_refused_with_the_setting():
    lm = CoconutLM(tiny_model("gemma3n_text"), 3)
    with pytest.raises(UsageError, match=r"(?s)gradient norm nan.*--set model\.attention=eager"):
        refuse_wrong_ways(lm, "coconut", trains=True)
    assert lm.model.config._attn_implementation == "sdpa"
    lm.model.set_attn_implementation("eager")
    refuse_wrong_ways(lm, "coconut", trains=True)


@pytest.mark.parametrize("method", ["coconut", "flythinker"])
def test_a_family_that_looks_embeddings_up_is_refused_for_thoughts(method):
    model = tiny_model("gemma4_text")
    refuse_wrong_ways(CausalLM(model), "sft", trains=True)
    lm = CoconutLM(model, 3) if method == "coconut" else FlyThinkerLM(model, model)
    with pytest.raises(UsageError, match=rf"{method} with Gemma4ForCausalLM: cannot be run"):
        refuse_wrong_ways(lm, method, trains=True)


def test_layers_that_select_positions_are_refused_at_load():
    with pytest.raises(UsageError, match=r"\(DeepseekV32ForCausalLM\): layers of the kind Dynamic"):
        refuse_disagreement("d", tiny_model("deepseek_v32"))


def test_an_error_of_a_plugin_is_raised_unchanged():
    with pytest.raises(ZeroDivisionError):
        refuse_wrong_ways(Divides(tiny()), "mine")


class Divides(CausalLM):
    def logprobs(self, batch):
        return 1 / 0
