"""CoconutLM against the numbers of an independent implementation, and against itself."""

from unittest.mock import Mock

import pytest
import torch
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from harness.engine import Batch, CausalLM, generate
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.golden import assert_golden, assert_golden_loss, cases, golden_model
from tests.support.tiny import of_family, tiny

CASES = cases("coconut")


def make(case):
    return CoconutLM(golden_model("coconut", "model"), n_thoughts=case["n_thoughts"])


def batch_of(rows, side="right"):
    return Batch.from_rows(
        [row["prompt"] for row in rows], [row["response"] for row in rows], 0, side=side
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("golden", CASES)
def test_logprobs_loss_and_gradients(golden, side):
    case = golden[1]
    assert_golden(make(case), batch_of(case["rows"], side), case)


@pytest.mark.parametrize("golden", CASES)
def test_single_rows(golden):
    case = golden[1]
    lm = make(case)
    for row in case["rows"]:
        given = lm.logprobs(batch_of([row]))[0]
        assert_close(given, torch.tensor(row["logprobs"]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("golden", CASES)
def test_step_by_step(golden):
    case = golden[1]
    rows = [(row["prompt"], row["response"]) for row in case["rows"]]
    given = WAYS["prefill and step"](make(case), *zip(*rows, strict=True))
    for row, logprobs in zip(case["rows"], given, strict=True):
        assert_close(logprobs, torch.tensor(row["logprobs"]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("together", [True, False], ids=["in a batch", "alone"])
@pytest.mark.parametrize("golden", CASES)
def test_greedy_tokens(golden, together):
    case = golden[1]
    lm, prompts = make(case), [row["prompt"] for row in case["rows"]]
    batches = [prompts] if together else [[prompt] for prompt in prompts]
    written = [row for batch in batches for row in generate(lm, batch, max_new_tokens=20)]
    assert written == [row["greedy"] for row in case["rows"]]


@pytest.mark.parametrize("golden", CASES)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_gradients_with_checkpointing(golden):
    case = golden[1]
    lm = make(case).train()
    lm.model.gradient_checkpointing_enable({"use_reentrant": False})
    assert_golden_loss(lm, batch_of(case["rows"]), case)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("n_thoughts", [0, 1, 8])
@pytest.mark.parametrize("family", ["qwen2", "llama"])
@torch.no_grad()
def test_every_way_gives_the_logprobs_of_a_single_row(family, n_thoughts, way):
    lm = CoconutLM(tiny(family), n_thoughts)
    known = alone(lm, PROMPTS, RESPONSES)
    for found, expected in zip(way(lm, PROMPTS, RESPONSES), known, strict=True):
        assert_close(found, expected, atol=1e-5, rtol=0)


PREFIXED = {
    "qwen2": tiny,
    "sliding window": lambda: of_family("mistral", sliding_window=4),
    "alibi": lambda: of_family("mpt", d_model=32, n_heads=4, n_layers=2),
    "learned positions": lambda: of_family("gpt2", n_embd=32, n_layer=2, n_head=4),
    "running state": lambda: of_family("lfm2", layer_types=["conv", "full_attention"]),
}


@pytest.mark.parametrize("cut", [(0, 5, 1), (4, 0, 0), (2, 9, 1)], ids=str)
@pytest.mark.parametrize("make", PREFIXED.values(), ids=PREFIXED.keys())
@torch.no_grad()
def test_prefixes_of_any_lengths_equal_single_rows(make, cut):
    lm = CoconutLM(make(), 3)
    prefixes = [[5, 3, 0, 8, 9, 2, 2, 7, 1][:length] for length in cut]
    together, state = lm.prefill(PROMPTS, prefixes)
    after, _ = lm.step(torch.tensor([1, 2, 3]), state)
    for row, (prompt, prefix) in enumerate(zip(PROMPTS, prefixes, strict=True)):
        logits, alone = lm.prefill([prompt])
        for token in prefix:
            logits, alone = lm.step(torch.tensor([token]), alone)
        # rounding in float64: 1e-15; attention to padding: 0.1 and more
        assert_close(together[row], logits[0], atol=5e-5, rtol=0)
        assert_close(after[row], lm.step(torch.tensor([row + 1]), alone)[0][0], atol=5e-5, rtol=0)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@torch.no_grad()
def test_a_running_state_gives_the_logprobs_of_a_single_row(way):
    lm = CoconutLM(PREFIXED["running state"](), 3)
    known = alone(lm, PROMPTS, RESPONSES)
    for found, expected in zip(way(lm, PROMPTS, RESPONSES), known, strict=True):
        assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("cut", [(0, 5, 1), (4, 0, 0), (2, 9, 1)], ids=str)
def test_a_prefix_equals_steps(cut):
    lm = CoconutLM(tiny(), 3)
    whole = generate(lm, PROMPTS, max_new_tokens=12)
    prefixes = [row[:length] for row, length in zip(whole, cut, strict=True)]
    rest = generate(lm, PROMPTS, max_new_tokens=12 - max(cut), prefixes=prefixes)
    for row, prefix, more in zip(whole, prefixes, rest, strict=True):
        assert more == row[len(prefix) :][: len(more)]


def test_decoding_prefills_and_thinks_once():
    lm, columns = CoconutLM(tiny(), 3), []
    lm.model.model.register_forward_pre_hook(
        lambda _, __, given: columns.append(given["inputs_embeds"].size(1)), with_kwargs=True
    )
    generate(lm, PROMPTS, max_new_tokens=5)
    # the longest prompt, three thoughts, then a step for each token but the first
    assert columns == [12, 1, 1, 1, 1, 1, 1, 1]


def test_without_thoughts_it_equals_the_plain_model():
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    plain, coconut = CausalLM(tiny()), CoconutLM(tiny(), 0)
    assert_close(coconut.logprobs(batch), plain.logprobs(batch), atol=1e-5, rtol=0)
    assert generate(coconut, PROMPTS, max_new_tokens=9) == generate(
        plain, PROMPTS, max_new_tokens=9
    )


@pytest.mark.parametrize("family", ["qwen2", "llama", "gpt2", "sliding window"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_checkpointed_training_has_the_same_gradients(family):
    make = CHECKPOINTED.get(family, lambda: tiny(family))
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    cached, checkpointed = CoconutLM(make(), 4).train(), CoconutLM(make(), 4).train()
    checkpointed.model.gradient_checkpointing_enable({"use_reentrant": False})
    kept = checkpointed._hidden_without_cache = Mock(wraps=checkpointed._hidden_without_cache)
    for lm in (cached, checkpointed):
        lm.loss(batch).backward()
    assert kept.call_count == (family in CHECKPOINTED)  # these drop the cache
    for one, other in zip(cached.parameters(), checkpointed.parameters(), strict=True):
        assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-4)


CHECKPOINTED = {
    "gpt2": lambda: of_family("gpt2", n_embd=32, n_layer=2, n_head=4, attn_pdrop=0.0,
                              embd_pdrop=0.0, resid_pdrop=0.0),
    "sliding window": lambda: of_family("mistral", sliding_window=4),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_checkpointed_training_reads_the_prompt_once_and_once_again_backward():
    lm, columns = CoconutLM(tiny(), 4).train(), []
    lm.model.gradient_checkpointing_enable({"use_reentrant": False})
    lm.loss(Batch.from_rows(PROMPTS, RESPONSES, 0))  # finds out that its layers keep the cache
    lm.model.model.layers[0].mlp.register_forward_pre_hook(
        lambda _, given: columns.append(given[0].size(1))
    )
    lm.loss(Batch.from_rows(PROMPTS, RESPONSES, 0)).backward()
    once = [max(map(len, PROMPTS)), 1, 1, 1, 1, max(map(len, RESPONSES)) - 1]
    assert columns == [*once, *reversed(once)]


@pytest.mark.parametrize("n_thoughts", [-1, 9])
def test_a_wrong_number_of_thoughts_is_named(n_thoughts):
    with pytest.raises(ValueError, match=rf"n_thoughts is {n_thoughts}; expected 0 to 8"):
        CoconutLM(tiny(), n_thoughts)


def test_thoughts_count_as_hidden():
    assert CoconutLM(tiny(), 5).hidden_per_example == 5
