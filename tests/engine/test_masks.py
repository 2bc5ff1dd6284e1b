"""Right padding needs no mask: training takes the causal fast path, checkpointed or not."""

import pytest
import torch
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM
from harness.engine.batch import positions, to_the_right
from harness.engine.train import recompute_activations
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny

LMS = {
    "causal": lambda: CausalLM(tiny()),
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1), concurrent=False),
}
REAL = torch.tensor([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]]).bool()


def masks_of(lm, batch):
    """The mask of every attention layer in one training step, and the loss."""
    seen = []

    def look(_, __, given):
        seen.append(given["attention_mask"])

    hooks = [
        part.register_forward_pre_hook(look, with_kwargs=True)
        for name, part in lm.named_modules()
        if name.endswith("self_attn")
    ]
    loss = lm.train().loss(batch)
    loss.backward()
    for hook in hooks:
        hook.remove()
    return seen, loss.detach()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("recomputed", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
def test_no_mask_is_built_in_training(make, recomputed, side):
    lm = make()
    recompute_activations(lm, recomputed)
    masks, loss = masks_of(lm, Batch.from_rows(PROMPTS, RESPONSES, 0, side=side))
    assert masks
    assert all(mask is None for mask in masks)
    alone = [
        lm.logprobs(Batch.from_rows([p], [r], 0)).sum()
        for p, r in zip(PROMPTS, RESPONSES, strict=True)
    ]
    assert_close(loss, -sum(alone).detach() / sum(map(len, RESPONSES)), atol=1e-5, rtol=0)


def test_coconut_reads_its_prompt_without_a_mask_when_checkpointed():
    """Thoughts and text follow a prompt that is cached with its padding, which needs one."""
    lm = CoconutLM(tiny(), 2)
    recompute_activations(lm, True)
    masks, _ = masks_of(lm, Batch.from_rows(PROMPTS, RESPONSES, 0))
    assert len(masks) >= 3 * 2  # a pass for each thought and one for the text, through two layers
    assert masks[:2] == [None, None]


def test_positions_start_at_the_first_real_token_and_continue_over_right_padding():
    expected = [[0, 1, 2, 3, 4], [0, 0, 0, 1, 2], [0, 0, 1, 2, 3]]
    assert positions(REAL).tolist() == expected


def test_left_padding_moves_to_the_right():
    # row 1 begins at column 2, row 2 at column 1; the padding that they skip comes last
    assert to_the_right(REAL).tolist() == [[0, 1, 2, 3, 4], [2, 3, 4, 0, 1], [1, 2, 3, 4, 0]]
    assert to_the_right(REAL[:1]) is None
