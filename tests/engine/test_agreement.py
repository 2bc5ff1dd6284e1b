"""Log-probs must agree: alone, batched, padded on either side, step by step."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM, generate
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone, in_a_batch, prefill_and_step
from tests.support.tiny import VOCABULARY, tiny

LMS = {
    "causal-qwen2": lambda: CausalLM(tiny()),
    "causal-llama": lambda: CausalLM(tiny("llama")),
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1), concurrent=False),
    "flythinker-concurrent": lambda: FlyThinkerLM(tiny(), tiny(seed=1), concurrent=True),
    "flythinker-narrow": lambda: FlyThinkerLM(tiny(), tiny(seed=1, width=16), lam=1.5),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
@torch.no_grad()
def test_every_way_gives_the_logprobs_of_a_single_row(make, way):
    lm = make()
    known = alone(lm, PROMPTS, RESPONSES)
    for found, expected in zip(way(lm, PROMPTS, RESPONSES), known, strict=True):
        assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_plain_model_agrees_with_transformers():
    model = tiny()
    row, response = PROMPTS[0], RESPONSES[0]
    logits = model(torch.tensor([row + response])).logits[0].log_softmax(-1)
    known = [logits[len(row) + at - 1, token] for at, token in enumerate(response)]
    given = CausalLM(model).logprobs(Batch.from_rows([row], [response], 0))[0]
    assert_close(given, torch.stack(known), atol=1e-5, rtol=0)


def test_greedy_text_agrees_with_transformers():
    model = tiny("llama")
    known = model.generate(
        torch.tensor([PROMPTS[0]]), max_new_tokens=30, do_sample=False, eos_token_id=None
    )[0, len(PROMPTS[0]) :]
    assert generate(CausalLM(model), [PROMPTS[0]], max_new_tokens=30) == [known.tolist()]


def test_lam_zero_equals_sft_bit_for_bit():
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    plain = CausalLM(tiny()).logprobs(batch)
    fused = FlyThinkerLM(tiny(), tiny(seed=1), lam=0.0).logprobs(batch)
    assert torch.equal(plain, fused)


def test_logits_in_blocks_are_the_same(monkeypatch):
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    lm = CausalLM(tiny())
    whole = lm.loss(batch)
    whole.backward()
    known = lm.model.model.embed_tokens.weight.grad.clone()
    lm.zero_grad()
    monkeypatch.setattr("harness.engine.logits.LOGITS_AT_ONCE", 3 * VOCABULARY)
    blocks = lm.loss(batch)
    blocks.backward()
    assert_close(blocks, whole, atol=1e-6, rtol=0)
    assert_close(lm.model.model.embed_tokens.weight.grad, known, atol=1e-6, rtol=1e-5)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=20),
            st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12),
        ),
        min_size=1,
        max_size=5,
    )
)
@torch.no_grad()
def test_random_rows_agree_in_any_batch(rows):
    lm = LMS["flythinker"]()
    prompts, responses = zip(*rows, strict=True)
    known = alone(lm, prompts, responses)
    for way in (in_a_batch("left"), in_a_batch("right"), prefill_and_step(0)):
        for found, expected in zip(way(lm, prompts, responses), known, strict=True):
            assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("prompts", "responses", "message"),
    [
        ([[1]], [[1], [2]], "1 prompts and 2 responses"),
        ([], [], "at least 1"),
        ([[]], [[1]], "prompt 0 has no token"),
    ],
)
def test_wrong_rows_are_named(prompts, responses, message):
    with pytest.raises(ValueError, match=message):
        Batch.from_rows(prompts, responses, 0)


def test_a_view_replaces_the_prompts():
    batch = Batch.from_rows([[1, 2]], [[3]], 0, views={"no_profile": [[2]]})
    assert batch.view("no_profile").prompts == ((2,),)
    with pytest.raises(ValueError, match=r"view 'x' has 2 rows for 1 prompts"):
        Batch.from_rows([[1]], [[3]], 0, views={"x": [[1], [2]]})
