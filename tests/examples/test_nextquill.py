"""NextQuill: the loss by hand, SFT as its special case, and the conformance kit."""

import math

import pytest
import torch
from harness_example_methods.nextquill import NextQuill, NextQuillLM, NextQuillOptions, terms
from torch.testing import assert_close

from harness.conformance import check_method, failures
from harness.engine import Batch, CausalLM
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny

BARE = [row[-2:] for row in PROMPTS]


def batch(bare=BARE):
    return Batch.from_rows(PROMPTS, RESPONSES, 0, views={"no_profile": bare})


def logits(*rows):
    return torch.tensor(rows).log()


@pytest.mark.slow
def test_the_kit_passes():
    assert not failures(check_method(NextQuill))


def test_the_loss_of_two_tokens_by_hand():
    # token 0: p 0.5 with the profile, 0.4 without: difference 0.1 > 0.05, weight 0.9
    # token 1: p 0.5 and 0.46: 0.04, weight 0.1. Divided by their mean 0.5: 1.8 and 0.2
    full = logits((0.5, 0.5), (0.5, 0.5))
    bare = logits((0.4, 0.6), (0.46, 0.54))
    fit = 1.8 * math.log(2) + 0.2 * math.log(2)
    # difference of logits: softmax(log p − log p') is p/p' over its sum
    ratios = [(0.5 / 0.4, 0.5 / 0.6), (0.5 / 0.46, 0.5 / 0.54)]
    difference = sum(-math.log(right / (right + wrong)) for right, wrong in ratios)
    loss = terms(full, bare, torch.tensor([0, 0]), NextQuillOptions())
    assert_close(loss.item(), fit + 0.01 * difference, rtol=1e-5, atol=0)


def test_weights_change_which_tokens_count():
    # CE log 2 and log 4; only the second token carries preference: 1.8 · log 4 + 0.2 · log 2
    full = logits((0.5, 0.5), (0.25, 0.75))
    bare = logits((0.5, 0.5), (0.1, 0.9))
    loss = terms(full, bare, torch.tensor([0, 0]), NextQuillOptions(difference=0.0))
    assert_close(loss.item(), 1.8 * math.log(4) + 0.2 * math.log(2), rtol=1e-5, atol=0)


def test_a_batch_is_the_sum_of_its_rows_over_its_tokens():
    lm, total = NextQuillLM(tiny()), 0.0
    for prompt, bare, response in zip(PROMPTS, BARE, RESPONSES, strict=True):
        states = []
        for read in (prompt, bare):
            hidden = lm.model(torch.tensor([[*read, *response]])).logits[0]
            states.append(hidden[len(read) - 1 : -1].detach())
        total += terms(*states, torch.tensor(response), lm.options).item()
    expected = total / sum(map(len, RESPONSES))
    assert_close(lm.loss(batch()).item(), expected, rtol=1e-5, atol=1e-6)


def test_equal_weights_without_the_difference_are_sft():
    sft = CausalLM(tiny())
    ours = NextQuillLM(tiny(), NextQuillOptions(difference=0.0, low=0.5, high=0.5))
    for lm in (sft, ours):
        lm.loss(batch()).backward()
    for mine, theirs in zip(ours.parameters(), sft.parameters(), strict=True):
        assert_close(mine.grad, theirs.grad, atol=1e-6, rtol=1e-4)


def test_the_difference_has_a_gradient_through_both_passes():
    full, bare = (torch.randn(3, 5, requires_grad=True) for _ in range(2))
    terms(full, bare, torch.tensor([0, 1, 2]), NextQuillOptions()).backward()
    assert bare.grad.abs().sum() > 0
    # by hand: ∂ CE(z − z') / ∂z' = −(softmax(z − z') − one-hot)
    hot = torch.nn.functional.one_hot(torch.tensor([0, 1, 2]), 5)
    by_hand = -0.01 * ((full - bare).softmax(-1) - hot)
    assert_close(bare.grad, by_hand.detach(), atol=1e-6, rtol=1e-4)
