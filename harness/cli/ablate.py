"""harness ablate: one run per value and seed, then one report; complete runs are only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from harness.blame import blaming
from harness.cli.expand import Made, Once
from harness.cli.jobs import Failure, Job, Making, method_named, parse_seeds, plugins
from harness.cli.options import RESULTS, RunOptions
from harness.cli.over import Point, parse_over, points
from harness.cli.screen import command_line, publish, screen
from harness.errors import UsageError, counted
from harness.method import Factory
from harness.paths import refuse_file
from harness.pipeline.lock import refuse_several_processes

if TYPE_CHECKING:
    from harness.reports.ablation.values import Axis, Tried
    from harness.reports.runs.systems import Run

MOST_AXES = 2


@dataclass(frozen=True)
class Ablation:
    """The settings that vary, every combination of their values, and the training seeds."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    seeds: tuple[int, ...]

    def label(self, point: Point) -> str:
        """E.g. lam=0.5, history=2."""
        pairs = zip(self.axes, point.values, strict=True)
        return ", ".join(f"{axis.name}={value}" for axis, value in pairs)


def ablate(
    over: list[str],
    options: RunOptions,
    method: str = "flythinker",
    seeds: str = "0,1,2",
    reference: str = "sft",
    results: Path = RESULTS,
    out: Path = Path("ablation"),
    metric: str | None = None,
    fresh: bool = False,
    dry_run: bool = False,
) -> None:
    """Run every value of a setting and report. Give --over twice for a grid. Repeating the command
    resumes.

    Args:
        over (NAME=VALUES): name=value,value,…, of lam, reasoner, history, n_thoughts or any setting
        method: the method whose settings vary
        seeds: training seeds, separated by commas
        reference: a method to compare with, or none
        results: folder for the runs
        out: folder for the report
        dry_run: show how many runs it needs
    """
    refuse_several_processes()
    compared = None if reference in ("none", method) else reference
    ablation = plan(over, options, method, compared, seeds)
    refuse_file(out)
    console = screen()

    if dry_run:
        _print_plan(console, ablation, results)
        return
    from harness.reports.ablation.ablation_page import document
    from harness.reports.ablation.values import ablation as evaluated

    tried = run_all(console, ablation, lambda job: job.attempt(Making(results, fresh)))
    found = evaluated(method, ablation.axes, tried, compared, metric)
    publish(console, document(found, [command_line()]), out, tables=1)
    runs = [run for one in tried for run in (*one.runs, *one.reference)]
    broken = any(one.failures or one.reference_failures for one in tried)
    raise typer.Exit(int(broken or any(run.record.n.failed for run in runs)))


def plan(
    over: Sequence[str], options: RunOptions, method: str, reference: str | None, seeds: str
) -> Ablation:
    """What an ablation runs. Raises UsageError for a wrong option or setting of any of its runs.

    over, options, method, seeds: as the user gave them.
    reference: the method to compare with, if any.
    """
    if not 1 <= len(over) <= MOST_AXES:
        raise UsageError(f"--over was given {len(over)} times; expected once, or twice for a grid")
    plugged = plugins(options.plugin)
    ablated = _only(method, "--method", plugged)
    other = _only(reference, "--reference", plugged) if reference else None
    axes = tuple(parse_over(text, *ablated, options.set_) for text in over)
    if len({each.key for each in axes}) < len(axes):
        raise UsageError(f"--over names {axes[0].name} twice; put all its values in one --over")
    with blaming(*ablated):
        found = points(axes, options, ablated, other)
    return Ablation(axes, tuple(found), tuple(parse_seeds(seeds)))


def run_all(console: Console, ablation: Ablation, make: Callable[[Job], Made]) -> list[Tried]:
    """Run every value with every seed, seed by seed, so that an early stop leaves whole curves.

    Equal runs are made once. Reports and keeps the error of a value or reference, and continues
    with the rest; stops if every value of a seed failed.
    """
    from harness.reports.ablation.values import Tried

    own, others = ([dict[int, Made]() for _ in ablation.points] for _ in range(2))
    once = Once(make)
    total, done = len(ablation.points) * len(ablation.seeds), count(1)
    for seed in ablation.seeds:
        reported: list[Made] = []
        for point, outcomes, references in zip(ablation.points, own, others, strict=True):
            if point.reference:
                outcome = references[seed] = once(point.reference.with_seed(seed))
                if outcome not in reported:
                    _report(console, f"{point.reference.method}, seed {seed}: ", outcome, False)
                reported.append(outcome)
            head = f"{next(done)}/{total} {ablation.label(point)}, seed {seed}: "
            outcomes[seed] = once(point.job.with_seed(seed))
            _report(console, head, outcomes[seed])
        if all(isinstance(outcomes[seed], Failure) for outcomes in own):
            break
    tried = []
    for point, outcomes, references in zip(ablation.points, own, others, strict=True):
        (runs, failures), (reference, without) = _parted(outcomes), _parted(references)
        tried.append(Tried(point.values, runs, reference, failures, without))
    return tried


def _report(console: Console, head: str, outcome: Made, successes: bool = True) -> None:
    """Print how one run ended."""
    if isinstance(outcome, Failure):
        console.print(f"{head}failed: {outcome.text}", style="red")
    elif successes:
        wall_s = outcome.record.wall_s
        seconds = "complete" if wall_s is None else f"{wall_s:.0f} s"
        console.print(f"{head}{'already complete' if outcome.repeated else seconds}")


def _parted(outcomes: Mapping[int, Made]) -> tuple[tuple[Run, ...], dict[int, str]]:
    """The runs, and seed → the first line of the error of a run that failed."""
    from harness.reports.runs.systems import Run

    runs, failures = [], {}
    for seed, each in outcomes.items():
        if isinstance(each, Failure):
            failures[seed] = each.text.splitlines()[0]
        else:
            runs.append(Run(each.folder, each.record))
    return tuple(runs), failures


def _only(name: str, option: str, plugged: Mapping[str, Factory]) -> tuple[str, Factory]:
    if name == "all":
        raise UsageError(f"{option} all; expected one method, e.g. {option} flythinker")
    return name, method_named(name, plugged)


def _print_plan(console: Console, ablation: Ablation, results: Path) -> None:
    """Print the runs that would be made and how many are complete; equal settings are one run."""
    from harness.pipeline.plan import Plan
    from harness.record import record_there

    for axis in ablation.axes:
        console.print(f"{axis.name} ({axis.key}): {', '.join(axis.values)}")
    asked = [each.job for each in ablation.points]
    asked += [each.reference for each in ablation.points if each.reference]
    jobs = {job.key: job for job in asked}
    (method, settings), *others = Counter(method for method, _ in jobs).items()
    parts = [
        f"{counted(settings, 'setting')} of {method}",
        *(f"{n} of {name}" for name, n in others),
    ]
    runs = [job.with_seed(seed) for job in jobs.values() for seed in ablation.seeds]
    complete = 0
    for job in runs:
        with blaming(job.method, job.factory):
            folder = Plan(job.settings, job.method, results, job.factory).folder
        record = record_there(folder, console.print)
        complete += record is not None and record.status == "complete"
    console.print(
        f"{' and '.join(parts)}, {counted(len(ablation.seeds), 'seed')}:"
        f" {counted(len(runs), 'run')}, {complete} of"
        " them complete"
    )
