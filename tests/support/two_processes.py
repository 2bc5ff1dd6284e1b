"""What two processes train and generate together, as JSON: `python -m tests.support.two_processes`.

One process imports torch and forks into both, so that they cost one import.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from harness.engine import CausalLM, generate
from harness.engine.adapters import add_adapters
from harness.engine.lm import PersonalLM
from harness.engine.ranks import Ranks, join
from harness.engine.train import train
from harness.settings import ModelSettings, TrainSettings
from tests.support.tiny import tiny
from tests.support.training import ROWS

PROMPTS = [[1, 2, 3], [4, 5], [6, 7, 8, 9]]


def with_adapters() -> PersonalLM:
    lm = CausalLM(tiny())
    add_adapters(lm, ModelSettings(adapter="lora", lora_rank=4), 0)
    return lm


def gated() -> PersonalLM:
    return FlyThinkerLM(tiny(), tiny(seed=1), lam=0.5, gate=True)


MAKERS: Mapping[str, Callable[[], PersonalLM]] = {
    "sft": lambda: CausalLM(tiny()),
    "coconut": lambda: CoconutLM(tiny(), 2),
    "flythinker": lambda: FlyThinkerLM(tiny(), tiny(seed=1), lam=0.5),
    "untied": lambda: CausalLM(tiny("llama")),
    "gate": gated,
    "adapters": with_adapters,
}
EXACT = [("none", "float64", False), ("full", "float64", False)]
"""Sharding, number type, recomputed activations."""
ROUNDED = [("none", "float32", False), ("full", "float32", False), ("full", "float64", True)]


def settings(steps: int, sharding: str = "none", recompute: bool = False) -> TrainSettings:
    return TrainSettings(
        epochs=steps * 4 / len(ROWS), batch_size=4, warmup=0.2, sharding=sharding,
        gradient_checkpointing=recompute,
    )  # fmt: skip


def result(name: str, way: tuple[str, str, bool], steps: int, ranks: Ranks) -> dict[str, Any]:
    """Losses, norms, and greedy texts of a model after its training."""
    sharding, dtype, recompute = way
    lm = MAKERS[name]().to(getattr(torch, dtype))
    asked = settings(steps, sharding, recompute)
    log = train(lm, ROWS, asked, lr=3e-3, seed=0, ranks=ranks)
    texts = generate(lm, PROMPTS, max_new_tokens=12)
    norms = [step.grad_norm for step in log.curve]
    return {"losses": [step.loss for step in log.curve], "norms": norms, "texts": texts}


def results(ranks: Ranks, whole: bool) -> dict[str, Any]:
    """All ways, or the few that a fast test has time for."""
    names = list(MAKERS) if whole else list(MAKERS)[:3]
    ways, steps = (EXACT + ROUNDED, 20) if whole else (EXACT, 3)
    return {" ".join([name, *map(str, way)]): result(name, way, steps, ranks)
            for name in names for way in ways}  # fmt: skip


def memory(ranks: Ranks) -> dict[str, Any]:
    """A training in which memory runs out once, in the second process alone."""
    lm, said, raised = CausalLM(tiny()), list[str](), []
    real = lm.loss

    def loss(batch: Any) -> torch.Tensor:
        if not ranks.first and not raised:
            raised.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(batch)

    lm.loss = loss  # type: ignore[method-assign]
    log = train(lm, ROWS, settings(3), lr=3e-3, seed=0, ranks=ranks, say=said.append)
    return {"losses": [step.loss for step in log.curve], "said": said, "most": log.micro_tokens}


class StopNowError(Exception):
    pass


def training(ranks: Ranks, folder: Path | None, sharding: str, until: int = 99) -> list[float]:
    """The losses of a training that has checkpoints; it breaks off before step `until`."""
    lm = FlyThinkerLM(tiny(), tiny(seed=1), lam=0.5).double()
    asked = settings(10, sharding).model_copy(update={"checkpoint_minutes": 1e-9})

    def stop(done: int, *_: object) -> None:
        if done == until:
            raise StopNowError

    try:
        log = train(
            lm, ROWS, asked, lr=3e-3, seed=0, ranks=ranks, checkpoint=folder, on_step=stop
        )  # fmt: skip
    except StopNowError:
        return []
    return [step.loss for step in log.curve]


def broken_off(ranks: Ranks, root: Path) -> dict[str, Any]:
    """Trainings of two processes that are resumed by two; each checkpoint is also left for one.

    One checkpoint is of one process, and two resume it with shards.
    """
    found: dict[str, Any] = {}
    if ranks.first:
        training(Ranks(), root / "one", "none", until=6)
    for before, after in (("full", "full"), ("none", "none"), ("full", "none"), ("one", "full")):
        name = before if before == after or before == "one" else f"{before}-{after}"
        if before != "one":
            training(ranks, root / name, before, until=6)
        if ranks.first and (root / name).is_dir():
            shutil.copytree(root / name, root / f"{name}-for-one")
            files = sorted(path.name for path in (root / name).iterdir())
            found[f"files {name}"] = files
        ranks.share(None)
        found[f"{before} {after}"] = training(ranks, root / name, after)
    return found


def resumed_alone(root: Path) -> dict[str, Any]:
    return {
        folder.name: training(Ranks(), folder, "none") for folder in sorted(root.glob("*-for-one"))
    }


def forked(work: Callable[[Ranks], Any]) -> Any:
    """What `work` returns in the first of two processes that this one forks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reading, writing = os.pipe()
    children = []
    for index in (0, 1):
        child = os.fork()
        if not child:
            os.close(reading)
            os.environ.update(
                RANK=str(index), WORLD_SIZE="2", LOCAL_RANK=str(index), LOCAL_WORLD_SIZE="2",
                MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo",
            )  # fmt: skip
            ranks = join()
            found = work(ranks)
            if ranks.first:
                with os.fdopen(writing, "w") as pipe:
                    json.dump(found, pipe)
            ranks.leave()
            os._exit(0)
        children.append(child)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise SystemExit(f"exit codes {codes}")
    return json.loads(text)


if __name__ == "__main__":
    torch.set_num_threads(1)
    root, whole = Path(sys.argv[1]), sys.argv[2] == "whole"

    def work(ranks: Ranks) -> dict[str, Any]:
        more = {"resumed": broken_off(ranks, root)} if whole else {}
        return {"two": results(ranks, whole), "memory": memory(ranks), **more}

    found = forked(work) | {"alone": results(Ranks(), whole)}
    if whole:
        found |= {"resumed alone": resumed_alone(root), "all": training(Ranks(), None, "none")}
    (root / "found.json").write_text(json.dumps(found))
