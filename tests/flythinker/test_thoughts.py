"""FlyThinkerLM.thoughts, against replaced thoughts and row by row."""

import pytest
import torch
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from harness.engine import Batch
from harness.engine.thoughts import divergence
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny


def make(lam=0.8, width=32):
    return FlyThinkerLM(tiny(), tiny(seed=1, width=width), lam=lam, concurrent=False)


def batch(prompts=PROMPTS, responses=RESPONSES, side="right"):
    return Batch.from_rows(prompts, responses, 0, side=side)


def test_without_lam_thoughts_move_nothing():
    assert not make(lam=0.0).thoughts(batch()).text_kl.any()
    assert make().thoughts(batch()).text_kl[0, :4].min() > 1e-4  # its tokens


@torch.no_grad()
def test_a_gate_counts_as_it_does_in_the_model():
    lm = FlyThinkerLM(tiny(), tiny(seed=1), lam=0.8, concurrent=False, gate=True)
    assert not lm.thoughts(batch()).text_kl.any()  # the gate is zero at the start
    lm.gate.fill_(0.5)
    assert_close(lm.thoughts(batch()).text_kl, make(lam=0.4).thoughts(batch()).text_kl)


@pytest.mark.parametrize("width", [32, 16])
@torch.no_grad()
def test_the_divergence_is_that_of_replaced_thoughts(width):
    # of the replaced ones, the first token's thought alone lies before the second prediction
    lm = make(width=width)
    prefixes = [row[:1] for row in RESPONSES]
    own, _ = lm.prefill(PROMPTS, prefixes)
    zero, _ = ReplacedThoughtsLM(lm, "zero").prefill(PROMPTS, prefixes)
    found = lm.thoughts(batch()).text_kl
    assert_close(found[:2, 1], divergence(own, zero)[:2], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_batch_gives_the_thoughts_of_each_row_alone(side):
    lm = make()
    together = lm.thoughts(batch(side=side))
    for index, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        alone, many = lm.thoughts(batch([prompt], [response])), len(response)
        for name in ("vectors", "kl", "text_kl"):
            given = getattr(together, name)[index, :many]
            assert_close(given, getattr(alone, name)[0], atol=1e-5, rtol=1e-4)
        assert together.position[index, :many].tolist() == alone.position[0].tolist()
        assert_close(together.states[index, : len(prompt)], alone.states[0], atol=1e-5, rtol=0)
        assert (together.position[index, many:] == -1).all()


@torch.no_grad()
def test_a_thought_is_that_of_the_token_before_the_one_it_is_added_to():
    lm, prompt, response = make(), [5, 9, 11], [3, 2]
    seq = batch([prompt], [response]).sequences()
    each = lm.think(seq.tokens, seq.real)[0]
    found = lm.thoughts(batch([prompt], [response]))
    # token 0 of the response is predicted at column 2, which reads the thought of column 1
    assert_close(found.vectors[0], each[1:3])
    assert_close(found.states[0], each[:3])
    assert found.position.tolist() == [[0, 1]]


def test_a_prompt_of_one_token_has_no_thought_for_the_first():
    found = make().thoughts(batch([[4]], [[3, 2]]))
    assert found.position.tolist() == [[-1, 1]]
    assert found.text_kl[0, 0] == 0
