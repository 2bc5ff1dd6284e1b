"""PerCE and contrastive decoding: numbers worked out by hand, and the conformance kit."""

from dataclasses import replace

import pytest
import torch
from harness_example_methods.contrastive import Contrastive, ContrastiveLM
from harness_example_methods.perce import PerCE, PerCELM
from torch.testing import assert_close

from harness.conformance import check_method, failures
from harness.engine import Batch, CausalLM, generate
from harness.engine.train import precision
from harness.pipeline.plan import Plan
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.runs import settings
from tests.support.tiny import tiny

BARE = [row[-2:] for row in PROMPTS]
VIEWS = {"no_profile": BARE}


def batch():
    return Batch.from_rows(PROMPTS, RESPONSES, 0, views=VIEWS)


@pytest.mark.parametrize("method", [PerCE, Contrastive], ids=lambda method: method.name)
def test_the_kit_passes(method):
    assert not failures(check_method(method))


@pytest.mark.parametrize("method", [PerCE, Contrastive], ids=lambda method: method.name)
def test_a_tied_ranking_is_counted(method, reviews, backbone, tmp_path):
    plan = Plan(settings(reviews, backbone, method.name), method.name, tmp_path, method)
    example = plan.test.examples[0]
    same = replace(example, profile=example.profile[:1] * 3)
    assert plan.encode([same])[0].tied
    assert not plan.encode([replace(example, profile=example.profile[:1])])[0].tied


def test_perce_weights_by_the_clipped_influence():
    # log p with profile −1, −3, −2; without −1.5, −6, −20: influence 0.5, 3, 18
    # clipped to 1..5: weights 1, 3, 5; loss = (1·1 + 3·3 + 5·2) / 3 tokens = 20/3
    logprobs = {(1,): [-1.0, -3.0, -2.0], (2,): [-1.5, -6.0, -20.0]}
    lm = PerCELM(tiny())
    lm.logprobs = lambda rows: torch.tensor([logprobs[rows.prompts[0]]])
    loss = lm.loss(Batch.from_rows([[1]], [[7, 8, 9]], 0, views={"no_profile": [[2]]}))
    assert_close(loss.item(), 20 / 3)


def test_perce_with_equal_weights_is_sft():
    sft, perce = CausalLM(tiny()), PerCELM(tiny(), 1.0, 1.0)
    for lm in (sft, perce):
        lm.loss(batch()).backward()
    for ours, theirs in zip(perce.parameters(), sft.parameters(), strict=True):
        assert_close(ours.grad, theirs.grad, atol=1e-6, rtol=1e-4)


def test_perce_has_no_gradient_through_its_weights():
    lm = PerCELM(tiny())
    logprobs = lm.logprobs(batch())
    influence = (logprobs - lm.logprobs(batch().view("no_profile"))).detach()
    weights = influence.clamp(1, 5) * batch().response_mask
    assert 1 < weights.max() < 5.01
    (-(weights * logprobs).sum() / batch().response_mask.sum()).backward()
    expected = lm.model.model.embed_tokens.weight.grad.clone()
    lm.zero_grad()
    lm.loss(batch()).backward()
    assert_close(lm.model.model.embed_tokens.weight.grad, expected, atol=1e-6, rtol=1e-5)


def test_perce_refuses_bounds_in_the_wrong_order():
    with pytest.raises(ValueError, match=r"low is 3, high 2; expected low ≤ high"):
        PerCELM(tiny(), 3, 2)


def test_contrast_by_hand():
    # alpha 0.5: 1.5·(2, 0) − 0.5·(1, 1) = (2.5, −0.5)
    lm = ContrastiveLM(tiny(), alpha=0.5)
    logits = lm.contrast(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0]))
    assert_close(logits, torch.tensor([2.5, -0.5]))


def test_alpha_0_gives_the_plain_model():
    plain, lm = CausalLM(tiny()), ContrastiveLM(tiny(), alpha=0.0)
    assert_close(lm.logprobs(batch()), plain.logprobs(batch()), atol=1e-5, rtol=0)
    generated = generate(lm, PROMPTS, max_new_tokens=8, views=VIEWS)
    assert generated == generate(plain, PROMPTS, max_new_tokens=8)


def test_in_bfloat16_likelihoods_with_alpha_0_are_those_of_the_plain_model():
    model = tiny()
    plain, lm = CausalLM(model), ContrastiveLM(model, alpha=0.0)
    with torch.no_grad(), precision(torch.device("cpu"), torch.bfloat16):
        assert_close(lm.logprobs(batch()), plain.logprobs(batch()), atol=1e-5, rtol=0)


def test_two_equal_views_give_the_plain_model():
    same = Batch.from_rows(PROMPTS, RESPONSES, 0, views={"no_profile": PROMPTS})
    plain, lm = CausalLM(tiny()), ContrastiveLM(tiny(), alpha=3.0)
    assert_close(lm.logprobs(same), plain.logprobs(same), atol=1e-4, rtol=0)


def test_a_missing_second_view_is_an_error():
    with pytest.raises(ValueError, match=r"contrastive got views \[\]; expected no_profile"):
        ContrastiveLM(tiny()).prefill(PROMPTS)
