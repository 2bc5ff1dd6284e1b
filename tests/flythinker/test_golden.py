"""FlyThinkerLM against the numbers of an independent implementation (../shared/golden)."""

import pytest
import torch
from torch.testing import assert_close

from flythinker import FlyThinkerLM
from harness.engine import Batch, generate
from tests.support.golden import cases, golden_model, grad_norms

FOLDERS = ("flythinker-equal", "flythinker-narrow", "flythinker-llama")
CASES = [case for folder in FOLDERS for case in cases(folder)]


def make(folder, case, concurrent=None):
    generator, reasoner = (golden_model(folder, part) for part in ("generator", "reasoner"))
    return FlyThinkerLM(generator, reasoner, lam=case["lam"], concurrent=concurrent)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("golden", CASES)
def test_logprobs_loss_and_gradients(golden, side):
    folder, case = golden
    lm = make(folder, case)
    rows = case["rows"]
    batch = Batch.from_rows(
        [row["prompt"] for row in rows], [row["response"] for row in rows], 0, side=side
    )
    given = lm.logprobs(batch)
    for row, logprobs in zip(rows, given, strict=True):
        known = torch.tensor(row["logprobs"])
        assert_close(logprobs[: len(known)], known, atol=1e-4, rtol=0)
        assert not logprobs[len(known) :].any()
    loss = lm.loss(batch)
    assert_close(loss.item(), case["loss"], atol=1e-5, rtol=0)
    loss.backward()
    for part, expected in case["grad_norms"].items():
        for name, norm in grad_norms(getattr(lm, part)).items():
            assert_close(norm, expected[name], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("concurrent", [False, True], ids=["serial", "concurrent"])
@pytest.mark.parametrize("golden", CASES)
def test_greedy_tokens(golden, concurrent):
    folder, case = golden
    lm = make(folder, case, concurrent)
    texts = generate(lm, [row["prompt"] for row in case["rows"]], max_new_tokens=20)
    assert texts == [row["greedy"] for row in case["rows"]]
