"""A study on real text with SmolLM2-135M: all of its runs, several at once, resumable.

    python -m benchmarks.real_text --data FOLDER --out results/published/reviews --jobs 8
    python -m benchmarks.real_text --data FOLDER --out results/published/topics \\
        --task topic_writing --parts choices,primary

Parts, each run as soon as what it needs has ended:
    choices   loss on val by passes and rate, seed 0, into OUT-choices; val alone decides (an
              evaluated run of seed 0 is a trial too)
    primary   sft, flythinker (with its thoughts replaced), rag, nonpers; three seeds
    arms      sft with flythinker's arithmetic, flythinker with a gate, coconut, cot; three seeds
    analysis  what latent thoughts resemble and do (`harness inspect`), which needs the weights

Everything else is in the runs: profile swap and thought replacement in record.json, likelihoods by
token in tokens.parquet, texts in predictions.jsonl. The questions stand in benchmarks/reviews.toml
and benchmarks/topics.toml. A finished run is not repeated; a stopped one goes on. On a GPU larger
batches are taken (GPU), for every method alike: such runs are systems of their own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.real_text_choices import CELLS, chosen, report
from benchmarks.real_text_queue import Job, run_all
from benchmarks.real_text_study import PARTS, SEEDS, SYSTEMS, Cell, Planned, Study, System
from harness.errors import HarnessError, UsageError

GPU = ("train.micro_tokens=2048", "decode.batch_size=80")
"""Sizes for a GPU. The preset's are a small CPU's; only rounding depends on them."""
MODEL_GB = 134_515_008 * 4 / 1e9
"""Weights of one model in 32 bits."""
CHECKPOINT = 4
"""Sizes of a model that an interrupted training holds: weights, two moments, a draft."""
INSPECTED = 6
"""Test texts whose thoughts are looked at."""
LOGS = ".logs"


def parsed(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_text",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of LongLaMP's tasks as JSON Lines")
    add("--task", default="product_review", help="product_review (default), topic_writing, …")
    add("--out", type=Path, required=True, help="folder of the runs; the choices go to OUT-choices")
    add("--parts", default=",".join(PARTS), help="some of " + ", ".join(PARTS))
    add("--methods", help="some of " + ", ".join(one.name for one in SYSTEMS))
    add("--cells", type=int, default=len(CELLS), help="try the first so many cells (default all)")
    add("--jobs", type=int, default=1, help="runs at once (default 1)")
    add("--seconds", type=float, help="begin no run after this many seconds")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of all runs")
    return parser.parse_args(words)


def listed(given: str | None, known: Sequence[str], option: str) -> list[str]:
    """Names from a comma-separated list, in the order of `known`; all by default."""
    names = [name.strip() for name in (given or ",".join(known)).split(",")]
    for name in names:
        if name not in known:
            raise UsageError(f"{option} {name}; expected some of {', '.join(known)}")
    return [name for name in known if name in names]


def asked(parts: Sequence[str], names: Sequence[str]) -> list[System]:
    """The systems with these names: of the parts that evaluate some, or of both if none does."""
    evaluated = [part for part in parts if part in ("primary", "arms")]
    return [one for one in SYSTEMS if one.name in names and one.part in (evaluated or PARTS)]


def sizes() -> tuple[str, ...]:
    """The settings that the machine decides."""
    import torch

    return GPU if torch.cuda.is_available() else ()


def jobs_of(
    study: Study, parts: Sequence[str], systems: Sequence[System], cells: int = len(CELLS)
) -> list[Job]:
    """All jobs in the order in which they may begin. cells: how many are tried."""
    found: list[Job] = []
    known: set[str] = set()
    for part in ("primary", "arms"):
        of_part = [one for one in systems if one.part == part]
        if "choices" in parts:
            names = dict.fromkeys(name for one in of_part for name in one.choices)
            new = [name for name in names if name not in known]
            known |= {*new}
            found += _choices(study, new, CELLS[:cells])
        if part in parts:
            found += [_full(study, one, seed) for seed in SEEDS for one in of_part]
    if "analysis" in parts:
        found += [job for one in systems if one.thinks for job in _analyses(study, one)]
    return found


def _choices(study: Study, names: Sequence[str], tried: Sequence[Cell]) -> Iterator[Job]:
    """The cells of these systems, then a report of each choice."""
    for cell in tried:
        for name in names:
            yield _trial(study, name, cell)
    for name in names:
        cells = frozenset(study.choice(name, cell).name for cell in tried)
        yield Job(_choice_name(name), partial(report, study, name), cells)


def _full(study: Study, system: System, seed: int) -> Job:
    """A run with the passes and the rate that were chosen."""
    needs = frozenset(map(_choice_name, system.choices))

    def command() -> list[str] | None:
        planned = _planned(study, system, seed)
        return None if study.folder(planned) else study.arguments(planned)

    return Job(study.name(system, seed), command, needs)


def _planned(study: Study, system: System, seed: int) -> Planned:
    """The run with what was chosen for it. Raises UsageError where nothing is chosen yet."""
    cells = {name: chosen(study, name) for name in system.choices}
    return study.full(system, seed, cells)


def _analyses(study: Study, system: System) -> Iterator[Job]:
    for of in ("text", "reference"):
        for seed in SEEDS:
            yield _analysis(study, system, seed, of)


def _analysis(study: Study, system: System, seed: int, of: str) -> Job:
    """The thoughts of a trained model over the first test texts."""
    run = study.name(system, seed)

    def command() -> list[str] | None:
        folder = study.folder(_planned(study, system, seed))
        if folder is None:
            raise UsageError(f"{run}: not finished, so it has no thoughts to inspect; run it first")
        page = study.out / "inspected" / folder.relative_to(study.out) / of
        if (page / "inspection.json").is_file():
            return None
        options = ("--limit", str(INSPECTED), "--of", of, "--no-texts", "--out", str(page))
        return ["inspect", str(folder), *options]

    return Job(f"thoughts of {run}, {of}", command, frozenset([run]))


def _trial(study: Study, name: str, cell: Cell) -> Job:
    planned = study.choice(name, cell)

    def command() -> list[str] | None:
        return None if study.trial(name, cell) else study.arguments(planned)

    return Job(planned.name, command)


def _choice_name(name: str) -> str:
    return f"choice of {name}"


def disk(study: Study, systems: Sequence[System], jobs: int) -> str:
    """How much disk the runs take, at most."""
    kept = sum(one.models for one in systems) * len(SEEDS) * MODEL_GB
    most = max((one.models for one in systems), default=0)
    working = jobs * CHECKPOINT * most * MODEL_GB
    place = next(each for each in (study.out, *study.out.parents) if each.exists())
    free = shutil.disk_usage(place).free / 1e9
    return (
        f"disk: at most {kept:.1f} GB of trained weights, and {working:.1f} GB while {jobs} run;"
        f" {free:.0f} GB are free"
    )


def prepare(study: Study) -> None:
    """Make what every run needs, once: the backbone in the cache."""
    from harness.engine import smollm2

    if study.backbone == smollm2.NAME and not smollm2.is_converted():
        print("converting the backbone", flush=True)
        smollm2.folder()


def main(words: Sequence[str] | None = None) -> int:
    """Run the parts; 0 if every run that began has finished, 1 if one failed, 2 for a mistake."""
    given = parsed(words)
    try:
        if given.jobs < 1:
            raise UsageError(f"--jobs {given.jobs}; expected at least 1")
        if not 1 <= given.cells <= len(CELLS):
            raise UsageError(f"--cells {given.cells}; expected 1 to {len(CELLS)}")
        parts = listed(given.parts, PARTS, "--parts")
        names = listed(given.methods, [one.name for one in SYSTEMS], "--methods")
        systems = asked(parts, names)
        study = Study(
            os.path.relpath(given.data), given.task, Path(os.path.relpath(given.out)),
            (*sizes(), *given.set),
        )  # fmt: skip
        study.check()
        if "choices" not in parts:
            for name in dict.fromkeys(name for one in systems for name in one.choices):
                chosen(study, name)
        print(disk(study, systems, given.jobs), flush=True)
        prepare(study)
        jobs = jobs_of(study, parts, systems, given.cells)
        return run_all(jobs, given.jobs, study.out / LOGS, given.seconds)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
