"""CoPe: kept tokens, DPO and rejected texts by hand, and the conformance kit."""

import math

import pytest
import torch
from harness_example_methods.cope import Cope, dpo
from harness_example_methods.cope_decoding import (
    CopeDecoding,
    CopeDecodingOptions,
    CopeLM,
    contrast,
)
from harness_example_methods.low_rank import Adapter
from harness_example_methods.oppu import HISTORY, OppuLM, OppuOptions
from torch import nn
from torch.testing import assert_close

from harness.conformance import check_method, failures
from harness.conformance.world import World
from harness.engine import Batch, CausalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.train import precision
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny

VISIBLE = {"user_lr": 0.05, "dropout": 0.0, "dpo_lr": 0.01, "beta": 0.5}
USERS = [[1, 1], [1, 1], [3, 3]]


def with_user(kind, options):
    """A model of this kind with one user's random adapter."""
    lm = kind(tiny(), options)
    adapter = Adapter(lm.open_layers(), options.rank, 0)
    torch.manual_seed(0)
    for up in adapter.up:
        nn.init.normal_(up, std=0.3)
    lm.keep_users({(1, 1): adapter})
    return lm.eval()


def batch():
    return Batch.from_rows(PROMPTS, RESPONSES, 0, views={HISTORY: USERS})


@pytest.mark.slow
def test_the_kit_passes_for_cope():
    assert not failures(check_method(Cope, VISIBLE))


@pytest.mark.slow
def test_the_kit_passes_for_cope_decoding():
    assert not failures(check_method(CopeDecoding, {"user_lr": 0.05, "dropout": 0.0}))


def test_kept_tokens_and_logits_by_hand():
    # expert 0.6, 0.33, 0.07, 0.0: kept where p ≥ 0.1 · 0.6 = 0.06, the first three
    # they sum to 1. Amateur 0.5, 0.3, 0.1, 0.1: log 0.6 − 0.1 · log 0.5, and so on
    expert = torch.tensor([0.6, 0.33, 0.07, 1e-6]).log()
    amateur = torch.tensor([0.5, 0.3, 0.1, 0.1]).log()
    logits = contrast(expert, amateur, CopeDecodingOptions())
    by_hand = [math.log(p) - 0.1 * math.log(q) for p, q in ((0.6, 0.5), (0.33, 0.3), (0.07, 0.1))]
    assert_close(logits[:3], torch.tensor(by_hand), atol=1e-4, rtol=0)
    # the last is left out: log 1e-8 − 0.1 · log 0.1
    assert_close(logits[3].item(), math.log(1e-8) - 0.1 * math.log(0.1), atol=1e-3, rtol=0)


def test_kept_probabilities_are_renormalised():
    # 0.9 and 0.05, 0.05: only the first is kept, with probability 1
    expert = torch.tensor([0.9, 0.05, 0.05]).log()
    logits = contrast(expert, torch.zeros(3), CopeDecodingOptions(contrast=0.0))
    assert_close(logits.exp(), torch.tensor([1.0, 1e-8, 1e-8]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_contrast_and_with_every_token_it_is_oppu(dtype):
    cope = with_user(CopeLM, CopeDecodingOptions(plausible=0.0, contrast=0.0))
    oppu = with_user(OppuLM, OppuOptions())
    with torch.no_grad(), precision(torch.device("cpu"), dtype):
        assert_close(cope.logprobs(batch()), oppu.logprobs(batch()), atol=1e-3, rtol=0)


def test_a_batch_is_expert_against_amateur_and_a_row_without_adapter_is_the_task_model():
    options = CopeDecodingOptions()
    cope, oppu, plain = with_user(CopeLM, options), with_user(OppuLM, options), CausalLM(tiny())
    with torch.no_grad():
        expert, _ = oppu.prefill(PROMPTS, views={HISTORY: USERS})
        amateur, _ = plain.prefill(PROMPTS)
        logits, _ = cope.prefill(PROMPTS, views={HISTORY: USERS})
        assert_close(logits[:2], contrast(expert, amateur, options)[:2], atol=1e-5, rtol=0)
        assert_close(logits[2], amateur[2], atol=1e-5, rtol=0)
        assert_close(cope.loss(batch()), plain.loss(batch()), atol=1e-5, rtol=0)


def test_dpo_by_hand():
    # rewards 2 and −1, β 0.01: −log σ(0.03); rewards 0 and 4: −log σ(−0.04); their mean
    loss = dpo(torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 4.0]), 0.01)
    by_hand = (math.log(1 + math.exp(-0.03)) + math.log(1 + math.exp(0.04))) / 2
    assert_close(loss.item(), by_hand, rtol=1e-6, atol=0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(Cope, tmp_path_factory.mktemp("cope"), VISIBLE)


def test_the_rejected_text_has_the_lowest_mean_reward(world):
    plan = world.plan()
    lm = with_user(CopeLM, CopeDecodingOptions())
    adapter = Adapter(lm._layers, 8, 1)
    torch.manual_seed(3)
    for up in adapter.up:
        nn.init.normal_(up, std=0.3)
    row = TrainRow("a", (5, 9, 2), (3, 1))
    samples = [TrainRow("a", (5, 9, 2), text) for text in ((4,), (7, 8, 9), (6, 6))]
    (pair,) = plan.method._pairs(lm, adapter, [row], [samples])
    rewards = []
    with torch.no_grad():
        for sample in samples:
            single = Batch.from_rows([sample.prompt], [sample.response], 0)
            base = CausalLM(lm.model).logprobs(single)
            with lm.changed(adapter.changes):
                user = CausalLM(lm.model).logprobs(single)
            rewards.append((user - base).mean().item())
        chosen = CausalLM(lm.model).logprobs(Batch.from_rows([(5, 9, 2)], [(3, 1)], 0)).sum()
    assert pair.rejected == samples[rewards.index(min(rewards))]
    assert pair.chosen == row
    assert_close(pair.chosen_base, chosen.item(), atol=1e-5, rtol=0)


def test_dpo_changes_the_adapter_and_its_samples_are_counted(world):
    plan = world.plan()
    lm = world.build(plan)
    example = plan.test.examples[3]
    layers = lm.open_layers()
    first, both = (Adapter(layers, 8, 0) for _ in range(2))
    only = CopeDecoding.train_user(plan.method, lm, first, example, 7)
    found = plan.method.train_user(lm, both, example, 7)
    assert any(not torch.equal(a, b) for a, b in zip(first.up, both.up, strict=True))
    assert found.steps > only.steps
    assert 0 < found.tokens <= 3 * 3 * 13  # three past texts, three samples, cap 12 and the end
    assert found.flops > only.flops
