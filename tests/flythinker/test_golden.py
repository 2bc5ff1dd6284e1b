"""FlyThinkerLM against the numbers of an independent implementation (../shared/golden)."""

import pytest

from flythinker import FlyThinkerLM
from harness.engine import Batch, generate
from tests.support.golden import assert_golden, cases, golden_model

FOLDERS = ("flythinker-equal", "flythinker-narrow", "flythinker-llama")
CASES = [case for folder in FOLDERS for case in cases(folder)]


def make(folder, case, concurrent=None):
    generator, reasoner = (golden_model(folder, part) for part in ("generator", "reasoner"))
    return FlyThinkerLM(generator, reasoner, lam=case["lam"], concurrent=concurrent)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("golden", CASES)
def test_logprobs_loss_and_gradients(golden, side):
    folder, case = golden
    rows = case["rows"]
    batch = Batch.from_rows(
        [row["prompt"] for row in rows], [row["response"] for row in rows], 0, side=side
    )
    assert_golden(make(folder, case), batch, case)


@pytest.mark.parametrize("concurrent", [False, True], ids=["serial", "concurrent"])
@pytest.mark.parametrize("golden", CASES)
def test_greedy_tokens(golden, concurrent):
    folder, case = golden
    lm = make(folder, case, concurrent)
    texts = generate(lm, [row["prompt"] for row in case["rows"]], max_new_tokens=20)
    assert texts == [row["greedy"] for row in case["rows"]]
