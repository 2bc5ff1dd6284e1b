"""The engine on a GPU gives the same results as on a CPU (pytest -m gpu)."""

import pytest
import torch
from torch.testing import assert_close

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import Batch, CausalLM, generate
from harness.engine.devices import cast
from harness.engine.lean_graph import GraphedColumn
from harness.engine.lean_models import step_taken
from harness.engine.micro_batches import TrainRow
from harness.engine.peak_memory import PeakMemory
from harness.engine.train import train
from harness.settings import TrainSettings
from tests.support.golden import cases, golden_model
from tests.support.lean import FAMILIES, by, changed, small_blocks
from tests.support.tiny import VOCABULARY, of_family, tiny

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
LMS = {
    "causal": lambda: CausalLM(tiny()),
    "coconut": lambda: CoconutLM(tiny()),
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1)),
    "flythinker, serial": lambda: FlyThinkerLM(tiny(), tiny(seed=1), concurrent=False),
    "flythinker, narrow": lambda: FlyThinkerLM(tiny(), tiny(seed=1, width=16), lam=1.5),
}
PROMPTS = [[5, 0, 9, 11, 3, 2, 8], [1], [4, 4, 0, 7, 90, 13, 22, 31, 6, 2, 77, 8]]
RESPONSES = [[3, 0, 2, 96], [8, 7, 6, 5, 4, 3, 2, 1, 0], [12]]
FOLDERS = ("flythinker-equal", "flythinker-narrow", "flythinker-llama")
GOLDEN = [case for folder in FOLDERS for case in cases(folder)]


@pytest.fixture(autouse=True)
def exact_products():
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
@pytest.mark.parametrize("side", ["left", "right"])
@torch.no_grad()
def test_logprobs_equal_those_of_the_cpu(make, side):
    lm = make()
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0, side=side)
    known = lm.logprobs(batch)
    assert_close(lm.to("cuda").logprobs(batch).cpu(), known, atol=1e-4, rtol=0)


@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
@torch.no_grad()
def test_a_single_row_equals_the_row_in_a_batch(make):
    lm = make().to("cuda")
    together = lm.logprobs(Batch.from_rows(PROMPTS, RESPONSES, 0))
    for at, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        alone = lm.logprobs(Batch.from_rows([prompt], [response], 0))[0]
        assert_close(together[at, : len(response)], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
def test_greedy_text_equals_that_of_the_cpu(make):
    lm = make()
    known = generate(lm, PROMPTS, max_new_tokens=24)
    assert generate(lm.to("cuda"), PROMPTS, max_new_tokens=24) == known


@pytest.mark.parametrize("make", LMS.values(), ids=LMS.keys())
def test_graphs_of_rows_that_leave_and_join_write_the_texts_of_the_cpu(make, monkeypatch):
    small_blocks(monkeypatch)
    lm = make()
    options = {"max_new_tokens": 40, "eos_id": list(range(12)), "rows_at_once": 4}
    known = generate(lm, PROMPTS * 3, **options)
    lm = lm.to("cuda")
    assert generate(lm, PROMPTS * 3, **options) == known
    with torch.inference_mode():
        state = lm.prefill(PROMPTS)[1]
        lm.step(torch.tensor([1, 2, 3], device="cuda"), state)
    state = getattr(state, "generator", state)
    assert isinstance(state.column, GraphedColumn)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_graph_writes_what_transformers_writes(family):
    name, options = FAMILIES[family]
    lm = CausalLM(changed(of_family(name, **options))).to("cuda")
    known = by("transformers", lm, max_new_tokens=40)
    assert by("auto", lm, max_new_tokens=40) == known
    assert step_taken([lm.model]) == "lean"


@pytest.mark.parametrize("golden", GOLDEN)
def test_golden_cases_with_two_streams(golden):
    folder, case = golden
    generator, reasoner = (golden_model(folder, part) for part in ("generator", "reasoner"))
    lm = FlyThinkerLM(generator, reasoner, lam=case["lam"], concurrent=True).to("cuda")
    rows = case["rows"]
    prompts = [row["prompt"] for row in rows]
    given = lm.logprobs(Batch.from_rows(prompts, [row["response"] for row in rows], 0))
    for row, logprobs in zip(rows, given, strict=True):
        known = torch.tensor(row["logprobs"])
        assert_close(logprobs[: len(known)].cpu(), known, atol=1e-4, rtol=0)
    for _ in range(20):  # a race between streams would show in some runs
        assert generate(lm, prompts, max_new_tokens=20) == [row["greedy"] for row in rows]


def rows(count=8, length=40):
    generator = torch.Generator().manual_seed(0)
    draw = torch.randint(VOCABULARY, (count, length), generator=generator).tolist()
    return [TrainRow(str(at), tuple(row[:25]), tuple(row[25:])) for at, row in enumerate(draw)]


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("name", ["causal", "coconut", "flythinker"])
def test_training_losses_equal_those_of_the_cpu(name, checkpointing):
    settings = TrainSettings(
        epochs=4, batch_size=4, micro_tokens=80, gradient_checkpointing=checkpointing, lr=1e-3
    )
    losses = {}
    for device in ("cpu", "cuda"):
        lm = LMS[name]().to(device)
        log = train(lm, rows(), settings, lr=1e-3, seed=0)
        losses[device] = torch.tensor([step.loss for step in log.curve])
    assert_close(losses["cuda"], losses["cpu"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["causal", "coconut", "flythinker"])
def test_autocast_trains_in_bfloat16(name):
    lm = LMS[name]().to("cuda")
    settings = TrainSettings(epochs=20, batch_size=8, lr=3e-3, schedule="constant")
    with PeakMemory([torch.device("cuda")]) as memory:
        log = train(lm, rows(), settings, lr=3e-3, seed=0, dtype=torch.bfloat16)
    assert log.curve[-1].loss < 0.9 * log.curve[0].loss
    assert all(part.dtype is torch.float32 for part in lm.parameters())
    assert memory.peak_mib > 0


@pytest.mark.parametrize("name", ["causal", "coconut", "flythinker"])
@torch.no_grad()
def test_bfloat16_weights_stay_near_float32(name):
    lm = LMS[name]().to("cuda")
    batch = Batch.from_rows(PROMPTS, RESPONSES, 0)
    known = lm.logprobs(batch)
    cast(lm, torch.bfloat16)
    given = lm.logprobs(batch)
    assert given.dtype is torch.float32
    # 8 bits of mantissa: a logit near 4 is exact to 1/64
    assert (given - known).abs().max() < 0.3
