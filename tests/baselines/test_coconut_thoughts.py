"""CoconutLM.thoughts, against passes over inputs made by hand."""

import torch
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from harness.engine import Batch
from harness.engine.lm import embed
from harness.engine.thoughts import divergence
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny

COUNT = 3


@torch.no_grad()
def by_hand(model, prompt, response):
    """The thoughts, and logits of each response token with and without each or all of them."""
    inputs = embed(model, torch.tensor([prompt]))
    for _ in range(COUNT):
        hidden = model(inputs_embeds=inputs, output_hidden_states=True).hidden_states[-1]
        inputs = torch.cat([inputs, hidden[:, -1:]], 1)
    whole = torch.cat([inputs, embed(model, torch.tensor([response[:-1]], dtype=torch.long))], 1)
    first = len(prompt)

    def logits(*zero):
        changed = whole.clone()
        changed[:, [first + one for one in zero]] = 0
        return model(inputs_embeds=changed).logits[0, first + COUNT - 1 :]

    own = logits()
    alone = [divergence(own, logits(one))[0] for one in range(COUNT)]
    return inputs[0, first:], torch.stack(alone), divergence(own, logits(*range(COUNT)))


def test_thoughts_and_divergences_are_those_of_whole_passes():
    lm = CoconutLM(tiny(), COUNT)
    found = lm.thoughts(Batch.from_rows(PROMPTS, RESPONSES, 0))
    for index, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        vectors, alone, text = by_hand(lm.model, prompt, response)
        assert_close(found.vectors[index], vectors, atol=1e-5, rtol=0)
        assert_close(found.kl[index], alone, atol=1e-5, rtol=1e-3)
        assert_close(found.text_kl[index, : len(response)], text, atol=1e-5, rtol=1e-3)
        assert not found.text_kl[index, len(response) :].any()
        hidden = lm.model(torch.tensor([prompt]), output_hidden_states=True).hidden_states[-1]
        assert_close(found.states[index, : len(prompt)], hidden[0], atol=1e-5, rtol=0)
    assert found.position.tolist() == [[0] * COUNT] * len(PROMPTS)


def test_without_thoughts_nothing_is_moved():
    found = CoconutLM(tiny(), 0).thoughts(Batch.from_rows(PROMPTS, RESPONSES, 0))
    assert found.vectors.shape == (3, 0, 32)
    assert not found.text_kl.any()
