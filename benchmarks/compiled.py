"""Whether compiling pays: decoding steps and training passes, compiled or as they are.

    python -m benchmarks.compiled [--out FILE] [--only decoding]

Each part runs in two processes, the second of which finds what the first compiled on disk. CPU
seconds on one thread, in paired rounds. A part is stored when it is done, so the same command goes
on where it stopped. torch.compile needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import compiled_parts as parts
from benchmarks.peers import machine, milliseconds
from harness.engine.quiet import quiet_libraries

OUT = Path(__file__).resolve().parent / "figures" / "compiled.json"
WHOLE, LAYERS, SCRIPT = parts.WAYS
PARTS: Mapping[str, Callable[[], parts.Found]] = {
    **{
        f"decoding, {size}, batch {batch}: {way}": partial(parts.decoding, size, batch, way)
        for size, batch, way in (
            ("mini", 1, WHOLE), ("mini", 16, WHOLE), ("mini", 1, LAYERS), ("mini", 1, SCRIPT),
            ("smollm2", 1, LAYERS),
        )
    },
    **{
        f"training, {size}, {dtype}: the body, torch.compile": partial(parts.training, size, dtype)
        for size in ("mini", "smollm2, 4 layers") for dtype in ("float32", "bfloat16")
    },
}  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    """Measure the parts that are missing, or be the process that does one; print what is there."""
    parser = argparse.ArgumentParser("compiled", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help=f"JSON (default: {OUT})")
    parser.add_argument("--only", default="", help="parts whose name begins like this")
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    asked = parser.parse_args(given)
    if asked.child:
        print(json.dumps(child(asked.child)))
        return
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        raise SystemExit("no C++ compiler; expected g++, or one that CXX names, for torch.compile")
    known = json.loads(asked.out.read_text("utf-8")) if asked.out.is_file() else {}
    for name in PARTS:
        if name in known or not name.startswith(asked.only):
            continue
        with tempfile.TemporaryDirectory(prefix="compiled-") as cache:
            cold, warm = (in_process(name, cache) for _ in range(2))
        known[name] = {**cold, "compile again": warm["compile"]}
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps(known, indent=1, ensure_ascii=False))


def child(name: str) -> parts.Found:
    """The figures of one part, by this process."""
    quiet_libraries()
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    return {**PARTS[name](), **machine(before)}


def in_process(name: str, cache: str) -> Any:
    """`child` in a process of its own. cache: folder of what it compiles."""
    chosen = {
        "OMP_NUM_THREADS": "1",
        "TORCHINDUCTOR_CACHE_DIR": cache,
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # the compiler is a child, whose seconds count
    }
    command = [sys.executable, "-m", "benchmarks.compiled", "--child", name]
    done = subprocess.run(
        command, env={**os.environ, **chosen}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def table(known: Mapping[str, Any]) -> str:
    """A row for each part."""
    lines = [
        "| what | as it is, ms | compiled, ms | as it is ÷ compiled | compiling, CPU s | again,"
        " CPU s | earned after | largest difference | load |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, part in known.items():
        times = part["ms"]
        quotient = part["quotients"][f"{parts.PLAIN} ÷ {parts.COMPILED}"]
        unit = "steps" if name.startswith("decoding") else "passes"
        earned = part["earned after"]
        cells = (
            *(milliseconds(times[way]) for way in (parts.PLAIN, parts.COMPILED)),
            f"{quotient['median']:.2f} [{quotient['low']:.2f}, {quotient['high']:.2f}]",
            f"{part['compile']['cpu_s']:g}",
            f"{part['compile again']['cpu_s']:g}",
            "never" if earned is None else f"{earned:,} {unit}",
            f"{part['largest difference']:g}",
            "–".join(map(str, part["load"])),
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
