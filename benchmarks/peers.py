"""The table of docs/performance.md beside peers: transformers' `generate` and TRL's SFTTrainer.

    python -m benchmarks.peers [--trl FOLDER] [--out FILE] [--seconds 12] [--markdown]

Each part runs its ways in paired rounds (ABCABC…) until its seconds are over, at least three
rounds, and is written to the JSON file at once with machine, threads and load; a part that is there
is not measured again, so an interrupted command is resumed. Weights and rows are random: times do
not depend on them. `--only train` measures the parts whose names begin so.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import peers_parts as parts
from benchmarks.trl_steps import trl_version
from harness.engine.quiet import quiet_libraries
from harness.inputs.provenance import engine_versions, processor

OUT = Path("benchmarks/figures/peers.json")
Part = Callable[[float], parts.Found]
TYPES = ("float32", "bfloat16")
BATCHES = {"mini": (1, 16), "smollm2": (1, 8)}
CONTEXTS = {"mini": (128, 512, 1024), "smollm2": (128, 512)}


def all_parts(sizes: Sequence[str]) -> Iterator[tuple[str, Part]]:
    """Name → what measures it, given the seconds."""
    for size in sizes:
        for batch in BATCHES[size]:
            for dtype in TYPES[: 1 if size == "mini" else 2]:
                name = f"step, {size}, {dtype}, batch {batch}"
                yield name, partial(parts.step, size, dtype, batch)
        for dtype in TYPES:
            yield f"train, {size}, {dtype}", partial(parts.training, size, dtype)
        for length in CONTEXTS[size]:
            name = f"prefill, {size}, float32, {length} tokens"
            yield name, partial(parts.prefill, size, "float32", length)
    for what in parts.GROWTHS:
        yield f"growth, mini, float32, {what}", partial(parts.growth, "mini", what)


def main(given: Sequence[str] | None = None) -> None:
    """Measure the parts that are missing; print what is there."""
    parser = argparse.ArgumentParser("peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trl", type=Path, help="folder with TRL, if it is not installed")
    parser.add_argument("--out", type=Path, default=OUT, help=f"JSON (default: {OUT})")
    parser.add_argument("--seconds", type=float, default=12, help="of each part (default: 12)")
    parser.add_argument("--only", default="", help="parts whose name begins like this")
    parser.add_argument("--models", default="mini,smollm2", help="(default: mini,smollm2)")
    parser.add_argument("--threads", type=int, help="(default: PyTorch's choice)")
    parser.add_argument("--markdown", action="store_true", help="print tables, not JSON")
    asked = parser.parse_args(given)
    quiet_libraries()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    known = json.loads(asked.out.read_text("utf-8")) if asked.out.is_file() else {}
    for name, measure in all_parts(asked.models.split(",")):
        if name in known or not name.startswith(asked.only):
            continue
        about = {"trl": trl_version(asked.trl)} if name.startswith("train") else {}
        before = os.getloadavg()[0]
        found = measure(asked.seconds)
        known[name] = {**found, **about, **machine(before)}
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(markdown(known) if asked.markdown else json.dumps(known, indent=1, ensure_ascii=False))


def machine(before: float) -> dict[str, Any]:
    """What the times of a part depend on. before: the load average before it."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": engine_versions(),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
    }


def markdown(known: dict[str, Any]) -> str:
    """Two tables: quotients beside peers, and exponents of growth."""
    return f"{quotients_table(known)}\n\n{growth_table(known)}"


def quotients_table(known: dict[str, Any]) -> str:
    """Quotients of paired rounds, with the FLOPs of flythinker over those of sft."""
    lines = [
        "| what | quotient: median [quartiles] | FLOPs | rounds | ms | load |",
        "|---|---|--:|--:|---|---|",
    ]
    for name, part in known.items():
        if "exponent" in part:
            continue
        quotients = "<br>".join(
            f"{way}: {each['median']:.2f} [{each['low']:.2f}, {each['high']:.2f}]"
            for way, each in part["quotients"].items()
        )
        lines.append(
            f"| {name} | {quotients} | {part.get('FLOPs', '')} | {part['rounds']} |"
            f" {_times(part)} | {_load(part)} |"
        )
    return "\n".join(lines)


def growth_table(known: dict[str, Any]) -> str:
    """How the seconds of sft grow, with the slope of the logarithms."""
    lines = ["| sft on mini's shape, by | ms | exponent | load |", "|---|---|--:|---|"]
    for name, part in known.items():
        if "exponent" in part:
            what = name.rpartition(", ")[2]
            lines.append(f"| {what} | {_times(part)} | {part['exponent']} | {_load(part)} |")
    return "\n".join(lines)


def _times(part: dict[str, Any]) -> str:
    return " · ".join(f"{way} {milliseconds(value)}" for way, value in part["ms"].items())


def milliseconds(value: float) -> str:
    """Three digits, or all of them from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _load(part: dict[str, Any]) -> str:
    return "–".join(map(str, part["load"]))


if __name__ == "__main__":
    main()
