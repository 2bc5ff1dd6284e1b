"""Faults that are tried on purpose, and what survived them: the table of docs/reliability.md.

    python -m benchmarks.faults [--work DIR] [--only kills,pairs] [--page docs/reliability.md]

Every fault is tried on tiny runs in forked processes, and what they leave is compared with an
uninterrupted run: the same record without its times, the same bytes of texts, the same weights,
the same files. Finished cases are kept in WORK/results.jsonl, so the script goes on where it
stopped; with --page the table is written there. Exits 1 if a case failed. Full disks need the
right to mount.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.fault_disks import full_disks, no_inodes, size_limits
from benchmarks.fault_kinds import (
    Case,
    Known,
    Tried,
    damages,
    environments,
    injected,
    kills,
    pairs,
    reference,
    signals,
)
from benchmarks.fault_world import World, clear
from harness.errors import counted

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True)
class Kind:
    """A row of the table: what is done, how many cases by default, and where they come from."""

    title: str
    number: int
    cases: Callable[[int], Iterator[tuple[str, Case]]]
    survives: str


KINDS = {
    "kills": Kind("process killed, at a random moment of each phase of {}", 3, kills,
                  "the same command ends with the uninterrupted run's bytes"),
    "signals": Kind("SIGTERM or Ctrl-C", 10, signals,
                    "checkpoint saved, exit code 143 or 130, then the same bytes"),
    "pairs": Kind("two processes at once on one run", 40, pairs,
                  "one works, the other is refused or shows the run; no text twice"),
    "damages": Kind("damaged file of a run", 60, damages,
                    "what is lost is made again: the same bytes"),
    "full_disks": Kind("disk full", 20, full_disks,
                       "one message; with space, the same bytes"),
    "no_inodes": Kind("no inodes left", 6, no_inodes,
                      "one message; with more of them, the same bytes"),
    "size_limits": Kind("limit on the size of a file", 6, size_limits,
                        "one message; without it, the same bytes"),
    "injected": Kind("memory runs out, or a number is none", 15, injected,
                     "smaller micro-batches or one message; then the same"),
    "environments": Kind("no home, no Unicode", 2, environments, "the same bytes"),
}  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Try what is missing; print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("faults"))
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--number", type=int, help="cases of each kind")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(words)
    world = World(options.work.resolve())
    world.work.mkdir(parents=True, exist_ok=True)
    names = options.only.split(",")
    results = world.work / "results.jsonl"
    done = _read(results)
    known = None
    for name in names:
        for case, attempt in KINDS[name].cases(options.number or KINDS[name].number):
            if (name, case) in done:
                continue
            known = known or _prepared(world)
            done[name, case] = found = attempt(world, known)
            with results.open("a") as file:
                file.write(json.dumps({"kind": name, "case": case, **asdict(found)}) + "\n")
            print(f"{name} {case}: {found.fault or 'ok'}", flush=True)
    table = _table(names, done)
    print(table)
    if options.page:
        text = options.page.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        options.page.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
    return 1 if any(each.fault for each in done.values()) else 0


def _prepared(world: World) -> Known:
    """Everything that is slow is imported and computed once, before the first fork."""
    caches = {"HF_HOME": str(world.work / "hf"), "HARNESS_CACHE": str(world.work / "cache")}
    os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **caches}
    import torch

    from harness import cli
    from harness.engine.quiet import quiet_libraries

    torch.set_num_threads(1)
    quiet_libraries()
    world.build()
    warm = clear(world.work / f"warm-{os.getpid()}")
    given, sys.argv = sys.argv, ["harness", *world.words("rag", warm)]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            cli.main()
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        sys.argv = given
        clear(warm)
    gc.collect()
    gc.freeze()  # a run collects garbage three times; imported libraries are none
    return reference(world)


def _read(path: Path) -> dict[tuple[str, str], Tried]:
    lines = path.read_text().splitlines() if path.is_file() else []
    rows = [json.loads(line) for line in lines]
    return {
        (row["kind"], row["case"]): Tried(row["tried"], row["by"], row["fault"]) for row in rows
    }


def _table(names: Sequence[str], done: dict[tuple[str, str], Tried]) -> str:
    """Fault × tried × survived, in Markdown."""
    lines = ["| fault | tried | survived | what surviving means |", "|---|---|---|---|"]
    for name in names:
        cases = [tried for (kind, _), tried in done.items() if kind == name]
        tried = sum(each.tried for each in cases)
        good = sum(each.tried for each in cases if not each.fault)
        by: dict[str, int] = {}
        for each in cases:
            for part, count in each.by.items():
                by[part] = by.get(part, 0) + count
        title = KINDS[name].title
        if name == "kills":
            parts = ", ".join(f"{part} {count}" for part, count in by.items())
            title = title.format("four methods") + f" ({parts})"
        elif name != "damages":
            title += " (" + ", ".join(f"{part} {count}" for part, count in sorted(by.items())) + ")"
        else:
            files = {part.partition(":")[0] for part in by}
            title += f" ({counted(len(files), 'file')}: zeroed, cut, emptied, one bit, garbage)"
        lines.append(f"| {title} | {tried} | {good} | {KINDS[name].survives} |")
    faults = [f"\n{' '.join(key)}: {each.fault}" for key, each in done.items() if each.fault]
    return "\n".join([*lines, *faults])


if __name__ == "__main__":
    begin = time.process_time()
    code = main()
    print(f"{time.process_time() - begin:.0f} processor seconds here", file=sys.stderr)
    raise SystemExit(code)
