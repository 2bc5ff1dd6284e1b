"""Pause tokens: Coconut's forward with fixed thoughts, and the conformance kit."""

import pytest
import torch
from harness_example_methods.pause import Pause, PauseLM
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from harness.conformance import check_method, failures
from harness.engine import Batch
from harness.engine.batch import pad
from harness.engine.lm import embed
from harness.engine.passes import extend, start
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.tiny import tiny


class FixedThoughts(CoconutLM):
    """Coconut whose thoughts are given vectors [K,D] instead of its own hidden states."""

    def __init__(self, model, vectors):
        super().__init__(model, len(vectors))
        self.vectors = vectors

    def think(self, prompts):
        tokens, real = pad(prompts, "left")
        inputs = embed(self.model, tokens)
        last, state = start(self.model, inputs, real)
        for vector in self.vectors:
            column = vector.expand(len(prompts), 1, -1)
            inputs = torch.cat([inputs, column], 1)
            last = extend(self.model, column, state)
        return inputs, last[:, -1:], state


def test_the_kit_passes():
    assert not failures(check_method(Pause))


@pytest.mark.parametrize("repeat_one", [False, True])
def test_it_is_coconut_with_fixed_thoughts(repeat_one):
    lm = PauseLM(tiny(), n_pauses=3, repeat_one=repeat_one)
    coconut = FixedThoughts(lm.model, lm.pauses.expand(3, -1))
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    assert_close(lm.logprobs(batch), coconut.logprobs(batch), atol=1e-5, rtol=0)
    assert lm.hidden_per_example == coconut.hidden_per_example == 3
    for ours, theirs in (
        (lm.prefill(PROMPTS)[0], coconut.prefill(PROMPTS)[0]),
        (lm.prefill(PROMPTS, RESPONSES)[0], coconut.prefill(PROMPTS, RESPONSES)[0]),
    ):
        assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_every_way_gives_the_logprobs_of_a_row_alone(way):
    lm = PauseLM(tiny("llama"), n_pauses=2)
    with torch.no_grad():
        expected = alone(lm, PROMPTS, RESPONSES)
        for ours, theirs in zip(way(lm, PROMPTS, RESPONSES), expected, strict=True):
            assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_pauses_are_trained_and_repeat_one_has_one():
    lm = PauseLM(tiny(), n_pauses=3, repeat_one=True)
    assert lm.pauses.shape == (1, 32)
    lm.loss(Batch.from_rows(PROMPTS, RESPONSES, 0)).backward()
    assert lm.pauses.grad.abs().sum() > 0
