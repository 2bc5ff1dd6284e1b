"""Thought replacement at response positions, against a slow loop over tokens."""

import pytest
import torch
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from flythinker.replaced_thoughts import ReplacedThoughtsLM
from harness.engine import Batch, generate
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny

DONORS = [[7, 7, 1], [2, 80, 14, 15, 6, 6, 40], [33]]
REPLACEMENTS = ("zero", "noise", "donor")
LMS = {
    "equal": lambda: FlyThinkerLM(tiny(), tiny(seed=1), lam=0.8, concurrent=False),
    "narrow": lambda: FlyThinkerLM(tiny(), tiny(seed=1, width=16), lam=1.5, concurrent=False),
}


@pytest.fixture(params=sorted(LMS), ids=sorted(LMS))
def lm(request):
    return LMS[request.param]()


def batch(prompts=PROMPTS, responses=RESPONSES, side="right", donors=DONORS):
    return Batch.from_rows(prompts, responses, 0, side=side, views={"donor": donors})


def thought_after(lm, tokens):
    """The thought of the last of `tokens`, from transformers' own forward and the definition."""
    hidden = lm.reasoner(torch.tensor([tokens]), output_hidden_states=True).hidden_states[-1]
    h = hidden[0, -1]
    m = lm.generator.get_input_embeddings().weight.norm(dim=1).mean()
    return h * m / h.norm()


@torch.no_grad()
def slow(lm, prompt, response, replacement):
    """Log p of each response token; `replacement(r)` is the thought added to response token r."""
    table, tokens = lm.generator.get_input_embeddings().weight, prompt + response
    inputs = []
    for i, token in enumerate(tokens):
        row = table[token].clone()
        if i:
            r = i - len(prompt)
            thought = thought_after(lm, tokens[:i]) if r < 0 else replacement(r)
            row[: len(thought)] += lm.lam * thought
        inputs.append(row)
    logits = lm.generator(inputs_embeds=torch.stack(inputs)[None]).logits[0].log_softmax(-1)
    return torch.stack([logits[len(prompt) + r - 1, token] for r, token in enumerate(response)])


def row(given, at, mask):
    return given[at, : int(mask[at].sum())]


@pytest.mark.parametrize("side", ["right", "left"])
def test_zero_is_lam_0_at_every_response_token(lm, side):
    made = batch(side=side)
    given = ReplacedThoughtsLM(lm, "zero").logprobs(made)
    for at, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        width = lm.reasoner.config.hidden_size
        known = slow(lm, prompt, response, lambda r, width=width: torch.zeros(width))
        assert_close(row(given, at, made.response_mask), known, atol=1e-5, rtol=0)
    assert not torch.allclose(given, lm.logprobs(made), atol=1e-3)


def test_after_a_prompt_of_one_token_zero_is_lam_0_throughout(lm):
    made = batch([[1]] * 3)  # its only prompt token has no thought
    without = FlyThinkerLM(lm.generator, lm.reasoner, lam=0.0, concurrent=False)
    assert torch.equal(ReplacedThoughtsLM(lm, "zero").logprobs(made), without.logprobs(made))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_donor_reads_the_same_text_after_its_own_prompt(lm, side):
    made = batch(side=side)
    given = ReplacedThoughtsLM(lm, "donor").logprobs(made)
    for at, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        donor = DONORS[at]
        known = slow(
            lm, prompt, response, lambda r, d=donor, y=response: thought_after(lm, d + y[:r])
        )
        assert_close(row(given, at, made.response_mask), known, atol=1e-5, rtol=0)
    assert not torch.allclose(given, lm.logprobs(made), atol=1e-3)


def test_the_same_prompt_as_donor_changes_nothing(lm):
    made = batch(donors=PROMPTS)
    assert_close(
        ReplacedThoughtsLM(lm, "donor").logprobs(made), lm.logprobs(made), atol=1e-5, rtol=0
    )


def test_noise_has_the_norm_of_the_thought_it_replaces(lm, monkeypatch):
    seen = []
    real = ReplacedThoughtsLM._replace
    monkeypatch.setattr(
        ReplacedThoughtsLM,
        "_replace",
        lambda self, own, *rest: seen.append((own, real(self, own, *rest))) or seen[-1][1],
    )
    made = batch()
    given = ReplacedThoughtsLM(lm, "noise").logprobs(made)
    own, noise = (part[made.response_mask] for part in seen[0])
    assert_close(noise.norm(dim=-1), own.norm(dim=-1))
    cosine = torch.nn.functional.cosine_similarity(own, noise, dim=-1)
    assert cosine.abs().max() < 0.9
    assert len(noise.unique(dim=0)) == len(noise)  # every token has its own
    assert not torch.allclose(given, lm.logprobs(made), atol=1e-3)


@pytest.mark.parametrize("replacement", REPLACEMENTS)
@pytest.mark.parametrize("given_tokens", [0, 2])
def test_step_by_step_gives_the_logprobs_of_a_row_alone(lm, replacement, given_tokens):
    """Prefill on prompts and first tokens, then steps, equals one pass over the whole rows."""
    replaced = ReplacedThoughtsLM(lm, replacement)
    prefixes = [response[:given_tokens] for response in RESPONSES]
    logits, state = replaced.prefill(PROMPTS, prefixes, views={"donor": DONORS})
    longest = max(map(len, RESPONSES))
    steps = [logits.log_softmax(-1)]
    for at in range(longest):
        tokens = torch.tensor(
            [(response[given_tokens:] + [0] * longest)[at] for response in RESPONSES]
        )
        logits, state = replaced.step(tokens, state)
        steps.append(logits.log_softmax(-1))
    for index, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        one = batch([prompt], [response], donors=[DONORS[index]])
        known = replaced.logprobs(one)[0][given_tokens:]
        got = [steps[at][index, token] for at, token in enumerate(response[given_tokens:])]
        if got:
            assert_close(torch.stack(got), known, atol=1e-5, rtol=0)


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_a_text_does_not_depend_on_its_neighbours(lm, replacement):
    replaced = ReplacedThoughtsLM(lm, replacement)
    together = generate(replaced, PROMPTS, max_new_tokens=8, views={"donor": DONORS})
    alone = [
        generate(replaced, [prompt], max_new_tokens=8, views={"donor": [donor]})[0]
        for prompt, donor in zip(PROMPTS, DONORS, strict=True)
    ]
    assert together == alone
    assert together != generate(lm, PROMPTS, max_new_tokens=8)


def test_an_unknown_replacement_is_named(lm):
    with pytest.raises(
        ValueError, match="thought replacement 'nought'; expected zero, noise, donor"
    ):
        ReplacedThoughtsLM(lm, "nought")
