"""The faults of benchmarks/faults.py. Each kind yields its cases; a case is tried and says what
went wrong, if anything."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fault_world import (
    OWN,
    PARTS,
    Ended,
    Watch,
    World,
    clear,
    difference,
    left,
    run_folder,
)
from benchmarks.injected import INJECTIONS
from harness.record.durable import DRAFT_ENDING

KILLED, PATIENCE_S = -signal.SIGKILL, 0.4


@dataclass(frozen=True)
class Known:
    """Uninterrupted runs: method → what it left, and processor seconds of each phase."""

    left: Mapping[str, dict[str, Any]]
    seconds: Mapping[str, Mapping[str, float]]


@dataclass
class Tried:
    """What became of a case. tried: faults in it; by: how many of each sort; fault: what failed."""

    tried: int = 0
    by: dict[str, int] = field(default_factory=dict)
    fault: str | None = None


Case = Callable[[World, Known], Tried]


def kills(number: int) -> Iterator[tuple[str, Case]]:
    """Chains of kills, one in every phase of a run, then its end."""
    for chain in range(number):
        for method in OWN:
            yield (
                f"{method} {chain}",
                lambda world, known, m=method, c=chain: _chain(world, known, m, c),
            )


def _chain(world: World, known: Known, method: str, chain: int) -> Tried:
    rng, found = random.Random(f"kills {method} {chain}"), Tried()
    out = clear(world.work / "kills" / f"{method}-{chain}")
    for phase, seconds in known.seconds[method].items():
        ended = world.run(method, out, Watch(phase, rng.uniform(0.02, 0.9) * seconds))
        found.fault = ended.fault
        if ended.code == KILLED:
            found.tried += 1
            found.by[phase] = found.by.get(phase, 0) + 1
        elif ended.code == 0 and not found.fault:  # the phase was shorter this time
            found.fault = difference(left(out, method), known.left[method])
            clear(out)
        elif not found.fault:
            found.fault = f"exit code {ended.code}: {ended.said[-300:]}"
        if found.fault:
            return found
    found.fault = completes(world, known, method, out)
    return found


def completes(
    world: World, known: Known, method: str, out: Path, parts: Collection[str] = PARTS
) -> str | None:
    """Whether the same command now ends as the uninterrupted run; what is wrong if not.

    parts: what of it must be equal.
    """
    ended = world.run(method, out)
    if ended.fault or ended.code:
        return ended.fault or f"exit code {ended.code}: {ended.said[-300:]}"
    fault = difference(left(out, method), known.left[method], parts)
    clear(out)
    return fault


def signals(number: int) -> Iterator[tuple[str, Case]]:
    """SIGTERM and Ctrl-C in every phase of work."""
    phases = ("steps", "lr_search", "writing", "lift", "forced")
    for case in range(number):
        sent = (signal.SIGTERM, signal.SIGINT)[case % 2]
        phase = phases[case // 2 % len(phases)]
        yield (
            f"{sent.name} in {phase} {case}",
            lambda world, known, p=phase, s=sent, c=case: _signal(world, known, p, s, c),
        )


def _signal(world: World, known: Known, phase: str, sent: int, case: int) -> Tried:
    share = random.Random(f"signals {case}").uniform(0.1, 0.7)
    out = clear(world.work / "signals" / str(case))
    watch = Watch(phase, share * known.seconds["sft"][phase], sent)
    ended = world.run("sft", out, watch)
    if ended.code == 0:  # the phase was shorter this time
        return Tried(0, {}, difference(left(out, "sft"), known.left["sft"]))
    found = Tried(1, {signal.Signals(sent).name: 1}, ended.fault)
    if not found.fault and (ended.code != 128 + sent or "Stopped. Kept:" not in ended.said):
        found.fault = f"exit code {ended.code}: {ended.said[-200:]}"
    found.fault = found.fault or completes(world, known, "sft", out)
    return found


def pairs(number: int) -> Iterator[tuple[str, Case]]:
    """Two processes on one run, a moment apart."""
    for case in range(number):
        yield str(case), lambda world, known, c=case: _pair(world, known, c)


def _pair(world: World, known: Known, case: int) -> Tried:
    out = clear(world.work / "pairs" / str(case))
    pause = random.Random(f"pairs {case}").uniform(0, PATIENCE_S) if case % 2 else 0.0
    both = [world.start("rag", out), world.start("rag", out, lambda: time.sleep(pause))]
    ended = [world.wait(*each) for each in both]
    refused = [each for each in ended if each.code == 2 and "is working on this run" in each.said]
    found = Tried(1, {"refused": len(refused)}, next(filter(None, (e.fault for e in ended)), None))
    if not found.fault and (len(refused) > 1 or {e.code for e in ended} - {0, 2}):
        found.fault = f"exit codes {[each.code for each in ended]}: {ended[-1].said[-200:]}"
    found.fault = found.fault or difference(left(out, "rag"), known.left["rag"])
    clear(out)
    return found


SNAPSHOTS = (("sft", "lr_search", 0.7), ("sft", "steps", 0.6), ("cot", "targets", 0.7),
             ("cot", "writing", 0.5), ("flythinker", "controls", 0.6), ("flythinker", "", 0.0),
             ("rag", "writing", 0.5))  # fmt: skip
"""Runs whose files are damaged: method, phase in which it was killed (none: complete), where."""
DAMAGES: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "zeroed": lambda content, rng: _over(content, rng, bytes(100)),
    "cut": lambda content, rng: content[: rng.randrange(1, max(2, len(content)))],
    "emptied": lambda content, rng: b"",
    "one bit": lambda content, rng: _flipped(content, rng),
    "garbage": lambda content, rng: _over(content, rng, rng.randbytes(100)),
}


def _over(content: bytes, rng: random.Random, piece: bytes) -> bytes:
    start = rng.randrange(max(1, len(content) - len(piece)))
    return (content[:start] + piece + content[start + len(piece) :])[: len(content)]


def _flipped(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def damages(number: int) -> Iterator[tuple[str, Case]]:
    """A damaged file of an unfinished or complete run."""
    for case in range(number):
        yield str(case), lambda world, known, c=case: _damage(world, known, c)


def _damage(world: World, known: Known, case: int) -> Tried:
    rng = random.Random(f"damages {case}")
    method, phase, share = SNAPSHOTS[case % len(SNAPSHOTS)]
    saved = world.work / "snapshots" / f"{method}-{phase or 'complete'}"
    if not saved.is_dir():
        seconds = known.seconds[method].get(phase, 0.0)
        world.run(method, saved, Watch(phase, share * seconds) if phase else Watch())
    out = clear(world.work / "damages" / str(case))
    shutil.copytree(saved, out)
    files = sorted(
        path
        for path in out.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and ".lock" not in path.name
        and not any(part.endswith(DRAFT_ENDING) for part in path.parts)
    )
    # each file in turn, so that all are damaged, in one way and then in another
    turn = case // len(SNAPSHOTS)
    file = files[(turn * 5 + case) % len(files)]
    kind = list(DAMAGES)[turn % len(DAMAGES)]
    file.write_bytes(DAMAGES[kind](file.read_bytes(), rng))
    # a complete run is shown: its other files are checked when they are used
    parts = PARTS if phase else ("record", "texts", "files")
    fault = completes(world, known, method, out, parts)
    where = f"{file.name} of {method} {phase or 'complete'}, {kind}"
    return Tried(1, {f"{file.name}: {kind}": 1}, f"{where}: {fault}" if fault else None)


def injected(number: int) -> Iterator[tuple[str, Case]]:
    """No memory, or numbers that are none, at some call."""
    for case in range(number):
        name, inject = INJECTIONS[case % len(INJECTIONS)]
        yield (
            f"{name} {case}",
            lambda world, known, i=inject, n=name, c=case: _inject(
                world, known, i(1 + 2 * (c // len(INJECTIONS)) + c % 2), n, c
            ),
        )


def _inject(world: World, known: Known, before: Callable[[], None], name: str, case: int) -> Tried:
    method = "flythinker"
    out = clear(world.work / "injected" / str(case))
    ended = world.run(method, out, before)
    found = Tried(1, {name: 1}, ended.fault)
    if found.fault:
        return found
    if ended.code == 0:  # with micro-batches of other sizes: rounding may differ, nothing else
        losses = [
            [step["loss"] for step in each["record"]["training"]["curve"]]
            for each in (left(out, method), known.left[method])
        ]
        gap = max(abs(one - other) for one, other in zip(*losses, strict=True))
        said = "memory ran out" in ended.said or "generate" in name
        found.fault = (
            None if gap < 1e-4 and said else f"losses differ by {gap}: {ended.said[-200:]}"
        )
    elif ended.code in (1, 2):
        found.fault = completes(world, known, method, out)
    else:
        found.fault = f"exit code {ended.code}: {ended.said[-300:]}"
    clear(out)
    return found


def environments(number: int) -> Iterator[tuple[str, Case]]:
    """No home, a home that cannot be written, terminals and locales without Unicode."""
    for case in range(number):
        yield str(case), lambda world, known, c=case: _environment(world, known, c)


ENVIRONMENTS: tuple[tuple[str, dict[str, str | None]], ...] = (
    ("no HOME, ASCII terminal",
     {"HOME": None, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    ("HOME cannot be written, cp1252 terminal",
     {"HOME": "/proc/none", "PYTHONIOENCODING": "cp1252"}),
)  # fmt: skip


def _environment(world: World, known: Known, case: int) -> Tried:
    import os

    name, changes = ENVIRONMENTS[case % len(ENVIRONMENTS)]
    out = clear(world.work / "environments" / str(case))
    given = {key: value for key, value in {**os.environ, **changes}.items() if value is not None}
    for key in ("HF_HOME", "HARNESS_CACHE"):
        given.pop(key, None)
    done = subprocess.run(
        [sys.executable, "-m", "harness", *world.words("rag", out)], env=given, check=False,
        capture_output=True,
    )  # fmt: skip
    ended = Ended(done.returncode, (done.stdout + done.stderr).decode(errors="replace"))
    fault = ended.fault or (f"exit code {ended.code}: {ended.said[-300:]}" if ended.code else None)
    fault = fault or difference(left(out, "rag"), known.left["rag"])
    return Tried(1, {name: 1}, fault)


def reference(world: World) -> Known:
    """The uninterrupted runs; made once."""
    import json

    found: dict[str, dict[str, Any]] = {}
    seconds: dict[str, dict[str, float]] = {}
    for method in OWN:
        out, report = world.work / "reference" / method, world.work / f"{method}-phases.json"
        if not report.is_file():
            ended = world.run(method, clear(out), Watch(report=report))
            assert ended.code == 0, ended.said
        found[method], seconds[method] = left(out, method), json.loads(report.read_text())
        assert run_folder(out, method).is_dir()
    return Known(found, seconds)
