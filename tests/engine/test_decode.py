"""Decoding: a random stream for each row, stopping row by row, the top-p set."""

import numpy as np
import pytest
import torch

from harness.engine import CausalLM, generate
from harness.engine.clock import DecodeClock
from harness.engine.decode import Sampler
from tests.support.agreement import PROMPTS
from tests.support.tiny import tiny


def test_a_draw_does_not_depend_on_the_neighbours():
    lm = CausalLM(tiny())
    options = {"max_new_tokens": 15, "temperature": 1.0, "top_p": 0.9}
    together = generate(lm, PROMPTS, seeds=[11, 12, 13], **options)
    turned = generate(lm, PROMPTS[::-1], seeds=[13, 12, 11], **options)
    single = [
        generate(lm, [prompt], seeds=[seed], **options)[0]
        for prompt, seed in zip(PROMPTS, [11, 12, 13], strict=True)
    ]
    assert together == turned[::-1] == single
    assert together != generate(lm, PROMPTS, seeds=[1, 2, 3], **options)


def test_a_row_stops_at_the_end_token_and_omits_it():
    lm = CausalLM(tiny())
    free = generate(lm, PROMPTS, max_new_tokens=20)
    end = free[0][4]
    stopped = generate(lm, PROMPTS, max_new_tokens=20, eos_id=end)
    for row, whole in zip(stopped, free, strict=True):
        assert row == (whole[: whole.index(end)] if end in whole else whole)


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    # probabilities 0.5, 0.3, 0.2; p 0.6 keeps the first two, drawn 5 : 3
    logits = torch.tensor([[0.3, 0.5, 0.2]]).log().expand(4000, 3)
    tokens = Sampler(range(4000), 1.0, 0.6)(logits)
    counts = np.bincount(tokens, minlength=3)
    assert counts[2] == 0
    assert counts[1] / 4000 == pytest.approx(0.625, abs=0.03)


def test_top_p_one_draws_by_probability():
    logits = torch.tensor([[0.3, 0.5, 0.2]]).log().expand(4000, 3)
    tokens = Sampler(range(4000), 1.0, 1.0)(logits)
    assert np.bincount(tokens, minlength=3) / 4000 == pytest.approx([0.3, 0.5, 0.2], abs=0.03)


def test_generation_starts_after_a_prefix():
    lm = CausalLM(tiny())
    whole = generate(lm, PROMPTS, max_new_tokens=12)
    rest = generate(lm, PROMPTS, max_new_tokens=8, prefixes=[row[:4] for row in whole])
    assert [row[:4] + more for row, more in zip(whole, rest, strict=True)] == whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature -1.0"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"top_p": 0.0}, "top_p 0.0"),
        ({"top_k": 0}, "top_k 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty 0.0"),
        ({"seeds": [1]}, "1 seeds for 3 prompts"),
    ],
)
def test_wrong_sampling_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        generate(CausalLM(tiny()), PROMPTS, max_new_tokens=1, **options)


def test_an_empty_prompt_is_refused():
    with pytest.raises(ValueError, match="prompt 1 has no token"):
        generate(CausalLM(tiny()), [[1], []], max_new_tokens=1)


def test_the_clock_counts_visible_tokens():
    clock = DecodeClock()
    written = generate(CausalLM(tiny()), PROMPTS, max_new_tokens=5, clock=clock)
    assert clock.tokens == sum(map(len, written)) == 15
    assert len(clock.first) == len(clock.per_step) == 1
    assert clock.total == pytest.approx(clock.first[0] + 4 * clock.per_step[0])
