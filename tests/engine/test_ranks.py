"""Several processes train one model: the losses and texts of one process, sharded or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from flythinker.shared_model import SharedThinkerLM
from harness.engine import CausalLM
from harness.engine.micro_batches import TokenBudget
from harness.engine.ranks import Ranks, join, share_out
from harness.engine.sharding import sharded
from harness.engine.weight_files import load_weights, round_trained, save_weights
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS, fly


def two_processes(root: Path, how: str) -> dict[str, Any]:
    asked = [sys.executable, "-m", "tests.support.two_processes", str(root), how]
    done = subprocess.run(
        asked, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads((root / "found.json").read_text())
    return found


def furthest(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return two_processes(tmp_path_factory.mktemp("few"), "few")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return two_processes(tmp_path_factory.mktemp("many"), "whole")


def test_two_processes_give_the_losses_of_one(few: dict[str, Any]):
    assert len(few["two"]) == 6  # sft, coconut, flythinker; sharded or not
    for name, found in few["two"].items():
        alone = few["alone"][name]
        assert furthest(found["losses"], alone["losses"]) < 1e-9, name
        assert furthest(found["norms"], alone["norms"]) < 1e-8, name
        assert found["texts"] == alone["texts"], name


def test_memory_that_runs_out_in_one_process_makes_all_micro_batches_smaller(few: dict[str, Any]):
    (said,) = few["memory"]["said"]
    assert said.startswith("memory ran out (in another process); micro-batches now hold ")
    assert few["memory"]["most"] < 8192


@pytest.mark.slow
def test_twenty_steps_of_two_processes_are_those_of_one(many: dict[str, Any]):
    assert len(many["two"]) == 30
    flips = 0
    for name, found in many["two"].items():
        alone, exact = many["alone"][name], "float64" in name
        assert len(found["losses"]) == 20
        assert furthest(found["losses"], alone["losses"]) < (1e-9 if exact else 1e-5), name
        flips += found["texts"] != alone["texts"]
        assert not (exact and found["texts"] != alone["texts"]), name
    assert flips <= 2  # of 12 float32 arms; none when this was written


@pytest.mark.slow
def test_any_number_of_processes_resumes_a_checkpoint(many: dict[str, Any]):
    files = many["resumed"]["files full"]
    assert files[0] == "progress.json"
    assert len(files) == 3
    assert all(name.endswith(".safetensors") for name in files[1:])
    resumed = {name: at for name, at in many["resumed"].items() if not name.startswith("files")}
    assert resumed.keys() == {"full full", "none none", "full none", "one full"}
    assert many["resumed alone"].keys() == {
        f"{n}-for-one" for n in ("full", "none", "full-none", "one")
    }
    for name, losses in {**resumed, **many["resumed alone"]}.items():
        assert furthest(losses, many["all"]) < 1e-9, name


@pytest.mark.parametrize(
    ("sizes", "count", "given"),
    [
        ([5, 4, 3], 1, [[0, 1, 2]]),
        ([5, 4, 3], 2, [[0], [1, 2]]),
        ([7], 3, [[0], [], []]),
        ([1, 1, 9], 2, [[2], [0, 1]]),
    ],
)
def test_work_is_divided_by_size(sizes: list[int], count: int, given: list[list[int]]):
    assert share_out(sizes, count) == given


def test_one_process_does_nothing_together():
    ranks = join({"WORLD_SIZE": "1", "RANK": "0"})
    assert ranks == Ranks()
    assert ranks.first
    assert ranks.share("value") == "value"
    assert ranks.gather(3) == [3]
    assert ranks.sum([1.5]) == [1.5]
    assert not torch.distributed.is_initialized()


def test_each_process_gets_a_micro_batch():
    budget = TokenBudget(8192)
    assert len(budget.groups(ROWS)) == 1
    budget.ranks = Ranks(0, 3)
    assert len(budget.groups(ROWS)) >= 3


@pytest.mark.parametrize("make", [lambda: CausalLM(tiny()), fly], ids=["causal", "flythinker"])
def test_weights_kept_in_bfloat16_are_those_that_are_evaluated(make: Any, tmp_path: Path):
    lm, again = make(), make()
    round_trained(lm, torch.bfloat16)
    save_weights(make(), tmp_path / "float32")
    save_weights(lm, tmp_path / "bfloat16", torch.bfloat16)
    sizes = [(tmp_path / name).stat().st_size for name in ("bfloat16", "float32")]
    assert sizes[0] < 0.6 * sizes[1]
    load_weights(again, tmp_path / "bfloat16")
    for one, other in zip(lm.parameters(), again.parameters(), strict=True):
        assert one.dtype is torch.float32
        assert torch.equal(one, other)
    assert not torch.equal(next(lm.parameters()), next(make().parameters()))


def test_layers_that_two_models_share_are_not_sharded():
    lm = SharedThinkerLM(tiny(), ModelSettings(lora_rank=4))
    refused = pytest.raises(UsageError, match="share parameters; expected layers of their own")
    with refused, sharded(lm, Ranks(0, 2)):
        pass
