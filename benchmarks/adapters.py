"""Memory and time of training all weights, adapters, and two adapters over one backbone.

    python -m benchmarks.adapters --out adapters.json

Arms: sft, sft with adapters, flythinker, flythinker with adapters, flythinker-shared, and that with
thoughts kept instead of computed twice. Times come from paired rounds in one process: one optimizer
step and one short text of each arm in turn. Memory comes from a process for each arm and phase, a
fork of this one: its peak above what it held before the model was loaded. On a CPU it is anonymous
memory (Linux), since mapped pages of a weights file come and go.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch

from harness.bench.measure import rounds
from harness.bench.ratios import ratio
from harness.bench.tables import load, surroundings
from harness.engine import generate
from harness.engine.adapters import add_adapters, merge_adapters, store_base
from harness.engine.backbone import Backbones
from harness.engine.clock import DecodeClock, middle
from harness.engine.devices import cast, place
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.peak_memory import PeakMemory, return_freed_memory
from harness.engine.quiet import quiet_libraries
from harness.engine.train import train
from harness.progress import Bars
from harness.registry import find
from harness.settings import ModelSettings, RunSettings, TrainSettings

ARMS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "sft": ("sft", "none", {}),
    "sft, lora": ("sft", "lora", {}),
    "flythinker": ("flythinker", "none", {}),
    "flythinker, lora": ("flythinker", "lora", {}),
    "flythinker-shared": ("flythinker-shared", "none", {}),
    "flythinker-shared, kept": ("flythinker-shared", "none", {"recompute_thoughts": False}),
}
"""Name → method, model.adapter, options of the method."""
PHASES = ("training", "decoding")
TARGETS = {"training": ("sft, lora", 1.15), "decoding": ("sft", 1.15), "step": ("sft", 1.3)}
"""What flythinker-shared is held against: the arm and the highest ratio."""


def built(arm: str, chosen: Any) -> PersonalLM:
    """The model of an arm before training, on its device."""
    method, adapter, options = ARMS[arm]
    model = ModelSettings(backbone=chosen.backbone, adapter=adapter, device=chosen.device)
    settings = RunSettings(model=model, method=options)
    lm: PersonalLM = find("method", method)(settings).build(Backbones(model))
    add_adapters(lm, model, 0)
    place(lm, [torch.device(chosen.device)])
    for part in lm.parameters():
        part.data = part.data.clone()  # not a mapped part of the file, which would not count
    return lm


def rows(chosen: Any, lm: PersonalLM) -> list[TrainRow]:
    """Rows of random tokens, all of one length."""
    draw = random.Random(0)

    def ids(length: int) -> tuple[int, ...]:
        return tuple(draw.randrange(1000) for _ in range(length))

    return [
        TrainRow(str(at), ids(chosen.prompt), ids(chosen.response)) for at in range(chosen.batch)
    ]


def number_type(chosen: Any) -> torch.dtype:
    return torch.float32 if chosen.dtype == "float32" else torch.bfloat16


def train_steps(lm: PersonalLM, chosen: Any, steps: int) -> float:
    """Seconds of the last of `steps` optimizer steps; at learning rate 0 no weight changes."""
    store_base(lm, number_type(chosen))
    settings = TrainSettings(batch_size=chosen.batch, epochs=steps, micro_tokens=1 << 20)
    log = train(lm, rows(chosen, lm), settings, lr=0.0, seed=0, dtype=number_type(chosen))
    return log.curve[-1].seconds


def decode(lm: PersonalLM, chosen: Any) -> float:
    """Seconds of a decoding step after prefill."""
    clock = DecodeClock()
    prompts = [list(row.prompt) for row in rows(chosen, lm)]
    with torch.inference_mode():
        generate(lm.eval(), prompts, max_new_tokens=chosen.tokens, clock=clock)
    return clock.per_step[0]


def ready_to_decode(lm: PersonalLM, chosen: Any) -> PersonalLM:
    """As a run generates: adapters merged in float32, all in bfloat16 otherwise."""
    if number_type(chosen) is torch.float32:
        merge_adapters(lm)
    cast(lm, number_type(chosen))
    return lm.eval()


def anonymous_mib() -> float:
    """Anonymous memory of this process, by Linux."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))
    return int(kib) / 1024


def peak_mib(work: Callable[[], object], on_gpu: bool) -> float:
    """Highest memory in MiB while `work` runs."""
    if on_gpu:
        with PeakMemory([torch.device("cuda")]) as memory:
            work()
        return memory.peak_mib
    found, done = [anonymous_mib()], Event()

    def sample() -> None:
        while not done.wait(0.01):
            found.append(anonymous_mib())

    thread = Thread(target=sample, daemon=True)
    thread.start()
    work()
    done.set()
    thread.join()
    return max(found)


def peak(arm: str, phase: str, chosen: Any) -> dict[str, float]:
    """Peak memory of one phase, in a process of its own, above what it held before the model."""
    on_gpu = torch.device(chosen.device).type == "cuda"
    before = 0.0 if on_gpu else anonymous_mib()
    lm = built(arm, chosen)
    if phase == "decoding":
        work = partial(decode, ready_to_decode(lm, chosen), chosen)
    else:
        store_base(lm, number_type(chosen))
        work = partial(train_steps, lm, chosen, 2)  # the second has the optimizer's moments
    return_freed_memory()
    mib = peak_mib(work, on_gpu) - before
    trained = sum(part.numel() for part in lm.parameters() if part.requires_grad)
    whole = sum(part.numel() for part in lm.parameters())
    return {"mib": mib, "parameters": whole, "trained": trained}


def peaks(chosen: Any) -> dict[str, dict[str, Any]]:
    """Arm → phase → `peak`, each from a new process."""
    found: dict[str, dict[str, Any]] = {}
    for arm in chosen.arms:
        for phase in chosen.phases:
            with ProcessPoolExecutor(1, mp_context=get_context("fork")) as process:
                found.setdefault(arm, {})[phase] = process.submit(peak, arm, phase, chosen).result()
            print(f"{arm}, {phase}: {found[arm][phase]['mib']:,.0f} MiB", file=sys.stderr)
    return found


def times(chosen: Any) -> dict[str, dict[str, Any]]:
    """Phase → arm → seconds of a step in each round, and ratios to the arms it is held against."""
    found: dict[str, dict[str, Any]] = {}
    for phase in chosen.phases:
        lms = {arm: built(arm, chosen) for arm in chosen.arms}
        if phase == "decoding":
            work = {
                arm: partial(decode, ready_to_decode(lm, chosen), chosen) for arm, lm in lms.items()
            }
        else:
            work = {arm: partial(train_steps, lm, chosen, 1) for arm, lm in lms.items()}
        with Bars() as bars:
            each = rounds(work, chosen.rounds, 1, bars.track(phase))
        found[phase] = {
            arm: {
                "step_s": middle(seconds)[0],
                "each_s": seconds,
                **{
                    f"over {base}": ratio(seconds, each[base])
                    for base in ("sft", "sft, lora")
                    if base in each
                },
            }
            for arm, seconds in each.items()
        }
        del lms, work
    return found


def verdicts(
    memory: Mapping[str, Mapping[str, Any]], time: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """flythinker-shared against its targets, as far as they were measured."""
    shared, found = memory.get("flythinker-shared", {}), {}
    for phase in shared:
        over, most = TARGETS[phase]
        if phase in memory.get(over, {}):
            rate = shared[phase]["mib"] / memory[over][phase]["mib"]
            found[f"memory of {phase}"] = {"over": over, "ratio": rate, "target": most}
    over, most = TARGETS["step"]
    step = time.get("decoding", {}).get("flythinker-shared", {}).get(f"over {over}")
    if step:
        found["decoding step"] = {"over": over, "ratio": step["value"], "target": most}
    return found


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.adapters", description=__doc__)
    add = parser.add_argument
    add("--backbone", default="smollm2", help="name or folder (default: smollm2)")
    add("--device", default="cpu", help="cpu, or cuda (default: cpu)")
    add("--dtype", default="float32", choices=["float32", "bfloat16"], help="(default: float32)")
    add("--batch", type=int, default=1, help="texts in a step (default: 1)")
    add("--prompt", type=int, default=256, help="tokens of a prompt (default: 256)")
    add("--response", type=int, default=128, help="tokens of a target (default: 128)")
    add("--tokens", type=int, default=16, help="generated tokens, from 2 (default: 16)")
    add("--rounds", type=int, default=5, help="paired rounds; 0: memory alone (default: 5)")
    add("--arms", default=";".join(ARMS), help="arms, with ; between them (default: all)")
    add("--phases", default=",".join(PHASES), help="training, decoding (default: both)")
    add("--out", type=Path, help="the JSON file; by default standard output")
    chosen = parser.parse_args(given)
    chosen.arms, chosen.phases = chosen.arms.split(";"), chosen.phases.split(",")
    if not (set(chosen.arms) <= set(ARMS) and set(chosen.phases) <= set(PHASES)):
        parser.error(f"--arms: {'; '.join(ARMS)}. --phases: {', '.join(PHASES)}")
    quiet_libraries()
    about = {**surroundings(chosen.device, chosen.dtype), "load": {"before": load()}}
    memory = peaks(chosen)
    time = times(chosen) if chosen.rounds else {}
    about["load"]["after"] = load()
    page = {
        "command": " ".join(["python -m benchmarks.adapters", *_without_out(given)]),
        "about": about,
        "memory": memory,
        "times": time,
        "targets": verdicts(memory, time),
    }
    text = json.dumps(page, indent=1) + "\n"
    if chosen.out:
        chosen.out.write_text(text, encoding="utf-8")
    print(text if not chosen.out else json.dumps(page["targets"], indent=1))


def _without_out(given: Sequence[str] | None) -> list[str]:
    """The words of the command but the file that it writes, whose folder is a machine's own."""
    words = list(given or sys.argv[1:])
    if "--out" in words:
        at = words.index("--out")
        del words[at : at + 2]
    return words


if __name__ == "__main__":
    main()
