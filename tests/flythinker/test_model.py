"""FlyThinkerLM: what it refuses, and when it runs both models at once."""

import weakref

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from flythinker import FlyThinkerLM
from flythinker.shared_model import SharedThinkerLM
from harness.engine import Batch, CausalLM, generate
from harness.engine.adapters import add_adapters
from harness.engine.train import train
from harness.engine.weight_files import trained_tensors
from harness.settings import ModelSettings
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.tiny import VOCABULARY, padded, tiny
from tests.support.training import ROWS, SETTINGS, fly


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lam": float("nan")}, "lam is nan; expected a finite number"),
        ({"lam": float("inf")}, "lam is inf"),
        ({"lam_warmup": 1.5}, "lam_warmup is 1.5; expected a share of the steps"),
        ({"lam_warmup": float("nan")}, "lam_warmup is nan"),
        ({"vocabulary": 98}, "knows 97 tokens, the generator 97; expected 98 or more"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        FlyThinkerLM(tiny(), tiny(seed=1), **options)


def test_a_wider_reasoner_is_refused():
    with pytest.raises(ValueError, match="64 wide, 32 more than its generator's 32; choose a"):
        FlyThinkerLM(tiny(), tiny(width=64))


def test_without_a_vocabulary_both_matrices_need_the_same_number_of_rows():
    with pytest.raises(ValueError, match="the reasoner knows 97 tokens, the generator 101; expec"):
        FlyThinkerLM(padded(101), tiny(seed=1))


@pytest.mark.parametrize("rows", [(101, VOCABULARY), (VOCABULARY, 101)])
@torch.no_grad()
def test_matrices_padded_to_different_sizes_share_one_vocabulary(rows):
    torch.manual_seed(3)
    lm = FlyThinkerLM(padded(rows[0]), padded(rows[1]), vocabulary=VOCABULARY)
    known = alone(lm, PROMPTS, RESPONSES)
    for way in WAYS.values():
        for found, expected in zip(way(lm, PROMPTS, RESPONSES), known, strict=True):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    # extra rows of the reasoner, which no text uses, change nothing
    same = FlyThinkerLM(lm.generator, padded(120), vocabulary=VOCABULARY)
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    assert torch.equal(same.logprobs(batch), lm.logprobs(batch))


def test_a_token_that_only_the_generator_knows_can_be_read():
    lm = FlyThinkerLM(padded(101), tiny(seed=1), vocabulary=VOCABULARY)
    assert len(generate(lm, [[1, 100]], max_new_tokens=3)[0]) == 3


def test_concurrency_is_chosen_by_the_current_devices(monkeypatch):
    lm = FlyThinkerLM(tiny(), tiny(seed=1))
    assert not lm.concurrent  # small models on a CPU
    monkeypatch.setattr("flythinker.model.THREADS_PAY_FROM", 1)
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert lm.concurrent
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    assert not lm.concurrent
    monkeypatch.setattr(FlyThinkerLM, "generator_device", torch.device("cuda"))
    monkeypatch.setattr(FlyThinkerLM, "reasoner_device", torch.device("cuda", 1))
    assert lm.concurrent
    monkeypatch.setattr(FlyThinkerLM, "reasoner_device", torch.device("cuda"))
    assert not lm.concurrent  # one GPU
    assert not FlyThinkerLM(tiny(), tiny(seed=1), concurrent=False).concurrent


@torch.inference_mode()
def test_tensors_that_the_reasoner_reads_are_not_freed_before_both_passes_are_done(monkeypatch):
    """On a side stream its reads may still be queued when the generator allocates memory."""
    lm = FlyThinkerLM(tiny(), tiny(seed=1), concurrent=True)
    monkeypatch.setattr("harness.engine.kv_cache.BLOCK", 1)  # the second step needs a larger buffer
    _, state = lm.prefill(PROMPTS)
    alive = []

    def both(predict, reason, here, there):
        layer = state.reasoner.cache.layers[0]
        before = [state.reasoner.real, state.reasoner.lengths, layer.keys, layer.values]
        watched = [weakref.ref(each) for each in before]
        del before
        hidden = reason()
        alive.append([ref() is not None for ref in watched])
        return predict(), hidden

    monkeypatch.setattr("flythinker.model.both_at_once", both)
    for token in (1, 2, 3):
        _, state = lm.step(torch.full((len(PROMPTS),), token), state)
    assert alive == [[True] * 4] * 3


def test_lam_zero_equals_sft_bit_for_bit():
    config = Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(2)
    generator = tiny()
    lm = FlyThinkerLM(generator, Qwen2ForCausalLM(config).eval(), lam=0.0)
    for side in ("left", "right"):
        batch = Batch.from_rows(PROMPTS, RESPONSES, 0, side=side)
        assert torch.equal(lm.logprobs(batch), CausalLM(generator).logprobs(batch))
    assert generate(lm, PROMPTS, max_new_tokens=8) == generate(
        CausalLM(generator), PROMPTS, max_new_tokens=8
    )


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_with_dropout_too_lam_zero_trains_as_sft(shared, checkpointing):
    lora = ModelSettings(adapter="lora", lora_rank=4, lora_dropout=0.3)
    chosen = SETTINGS.model_copy(update={"gradient_checkpointing": checkpointing})
    one = CausalLM(tiny())
    two = (
        SharedThinkerLM(tiny(), lora, lam=0.0)
        if shared
        else FlyThinkerLM(tiny(), tiny(seed=1), lam=0.0)
    )
    curves = []
    for lm in (one, two):
        add_adapters(lm, lora, 0)
        curves.append([step.loss for step in train(lm, ROWS, chosen, lr=1e-2, seed=3).curve])
    assert curves[0] == curves[1]
    weights = trained_tensors(two)
    for name, tensor in trained_tensors(one).items():
        assert torch.equal(tensor, weights[name.replace("model.", "generator.", 1)])


def test_the_reasoner_draws_other_dropout_than_the_generator():
    lm, drawn = fly().train(), []
    for _ in range(2):
        torch.manual_seed(1)
        with lm.reasoner_draws():
            drawn.append(torch.rand(1).item())
        drawn.append(torch.rand(1).item())
    torch.manual_seed(1)
    assert drawn[:2] == drawn[2:]
    assert drawn[0] != drawn[1] == torch.rand(1).item()
