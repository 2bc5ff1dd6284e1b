"""Sampling against transformers' logits processors; rows whose logits are not finite."""

from itertools import takewhile

import numpy as np
import pytest
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from harness.engine import CausalLM, generate
from harness.engine.batch import pad
from harness.engine.decode import NotANumberError
from harness.engine.sampling import NO_TOKEN, Sampler
from tests.support.agreement import PROMPTS
from tests.support.tiny import tiny

SEEN = torch.tensor([[3, 5, 5, 0], [7, 1, 2, 9]])
OPTIONS = [  # temperature, top_k, top_p, repetition_penalty
    (0.7, 5, 1.0, 1.0),
    (1.3, 5, 0.6, 1.0),
    (1.0, None, 0.8, 1.4),
    (0.8, 20, 0.9, 0.7),
    (1.0, 1, 1.0, 1.2),
    (1.0, 999, 1.0, 1.0),
    (0.7, 20, 0.8, 1.05),  # as in Qwen2.5's generation_config
]


@pytest.mark.parametrize(("temperature", "top_k", "top_p", "penalty"), OPTIONS)
def test_the_distribution_is_that_of_transformers(temperature, top_k, top_p, penalty):
    torch.manual_seed(0)
    logits = torch.randn(2, 40) * 3
    logits[:, 12] = logits[:, 13]  # a tie
    theirs = LogitsProcessorList()  # in the order of transformers' generate
    if penalty != 1:
        theirs.append(RepetitionPenaltyLogitsProcessor(penalty))
    theirs.append(TemperatureLogitsWarper(temperature))
    if top_k:
        theirs.append(TopKLogitsWarper(top_k))
    if top_p < 1:
        theirs.append(TopPLogitsWarper(top_p))
    expected = theirs(SEEN, logits.clone()).softmax(-1)

    draw = Sampler(range(2), temperature, top_p, top_k, penalty)
    draw.penalise(SEEN.tolist())
    scaled = draw._penalised(logits).float() / temperature
    _, cumulative, kept = draw._ranked(scaled)
    ids = scaled.sort(dim=-1, descending=True, stable=True).indices
    each = torch.diff(cumulative, prepend=torch.zeros(2, 1)) * kept
    ours = torch.zeros(2, 40).scatter_(1, ids, each / each.sum(-1, keepdim=True))
    assert torch.equal(ours > 0, expected > 0)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_ties_with_the_kth_token_are_kept():
    draw = Sampler([0], 1.0, 1.0, top_k=2)
    ranked, _, kept = draw._ranked(torch.tensor([[1.0, 2.0, 1.0, 0.0]]))
    assert ranked[kept].tolist() == [2.0, 1.0, 1.0]


@pytest.mark.parametrize(("top_k", "top_p"), [(None, 1.0), (None, 0.9), (7, 0.95)])
def test_draws_are_those_of_a_stable_sort(top_k, top_p):
    # what the texts of published runs were drawn with: sort all ids, then look up the rank
    torch.manual_seed(0)
    logits = (torch.randn(500, 300) * 2).round(decimals=1)  # many ties
    logits[:, 5:9], logits[:, 20] = 0.0, -0.0
    tokens = Sampler(range(500), 0.8, top_p, top_k)(logits)

    ranked, ids = (logits / 0.8).sort(dim=-1, descending=True, stable=True)
    if top_k:
        ranked = ranked.masked_fill(ranked < ranked[:, top_k - 1 : top_k], -torch.inf)
    cumulative = ranked.softmax(-1).cumsum(-1)
    before = torch.cat([torch.zeros(500, 1), cumulative[:, :-1]], -1)
    kept = (before < top_p) & (ranked > -torch.inf)
    mass = torch.where(kept, cumulative, 0.0).amax(-1)
    draws = torch.tensor([np.random.default_rng(seed).random() for seed in range(500)]).to(mass)
    rank = (cumulative <= (draws * mass)[:, None]).sum(-1).clamp_max(kept.sum(-1) - 1)
    assert torch.equal(tokens, ids.gather(-1, rank[:, None])[:, 0])


@pytest.mark.parametrize("penalty", [1.3, 0.8])
def test_a_penalised_text_equals_transformers_generate(penalty):
    # prompts of unequal length: padding is not penalised; two ends
    model = tiny()
    ends = [generate(CausalLM(model), PROMPTS, max_new_tokens=9)[0][6], 11]
    config = GenerationConfig(
        max_new_tokens=20, do_sample=False, repetition_penalty=penalty, eos_token_id=ends,
        pad_token_id=0,
    )  # fmt: skip
    ids, real = pad(PROMPTS, "left")
    rows = model.generate(ids, attention_mask=real.long(), generation_config=config)
    theirs = [
        list(takewhile(lambda token: token not in ends, row[ids.size(1) :].tolist()))
        for row in rows
    ]
    ours = generate(
        CausalLM(model), PROMPTS, max_new_tokens=20, repetition_penalty=penalty, eos_id=ends
    )
    assert ours == theirs
    assert ours != generate(CausalLM(model), PROMPTS, max_new_tokens=20, eos_id=ends)


def test_the_penalty_applies_to_prefixes():
    lm = CausalLM(tiny())
    whole = generate(lm, PROMPTS, max_new_tokens=12, repetition_penalty=1.5)
    rest = generate(
        lm, PROMPTS, max_new_tokens=8, repetition_penalty=1.5, prefixes=[row[:4] for row in whole]
    )
    assert [row[:4] + more for row, more in zip(whole, rest, strict=True)] == whole


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("options", [{}, {"temperature": 0.9, "top_k": 3, "top_p": 0.9}])
def test_logits_that_are_not_finite_give_no_token(wrong, options):
    logits = torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    logits[1] = wrong
    chosen = {"temperature": 0.0, "top_p": 1.0, **options}
    tokens = Sampler(range(2), repetition_penalty=1.1, **chosen)(logits)
    assert tokens[0] >= 0
    assert tokens[1] == NO_TOKEN


class NanInRow1(CausalLM):
    """Row 1 has NaN logits from its third token on."""

    def prefill(self, *rows, **more):
        logits, state = super().prefill(*rows, **more)
        self.seen = 0
        return logits, state

    def step(self, tokens, state):
        logits, state = super().step(tokens, state)
        self.seen += 1
        if self.seen >= 2:
            logits[1] = float("nan")
        return logits, state


def test_only_the_row_with_nan_fails():
    expected = generate(CausalLM(tiny()), PROMPTS, max_new_tokens=9)
    with pytest.raises(NotANumberError, match="row 1 of 3: logits after 2 new tokens") as failed:
        generate(NanInRow1(tiny()), PROMPTS, max_new_tokens=9)
    assert failed.value.texts == [expected[0], [], expected[2]]
    assert failed.value.tokens_before == {1: 2}


def test_a_row_that_has_ended_cannot_fail():
    end = generate(CausalLM(tiny()), PROMPTS, max_new_tokens=2)[1][1]
    texts = generate(NanInRow1(tiny()), PROMPTS, max_new_tokens=9, eos_id={end, 999})
    assert len(texts[1]) < 2
