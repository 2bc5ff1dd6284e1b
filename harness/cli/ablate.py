"""harness ablate: one run per value and seed, then one report; complete runs are only read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from harness.cli.jobs import Factory, Failure, Job, method_named, parse_seeds, plugins
from harness.cli.options import RESULTS, Fresh, Measure, RunOptions
from harness.cli.over import Point, parse_over, points
from harness.cli.screen import command_line, publish, screen
from harness.errors import UsageError
from harness.record import Outcome
from harness.registry import blaming
from harness.run.lock import refuse_several_processes

if TYPE_CHECKING:
    from harness.reports.ablation.values import Axis, Tried
    from harness.reports.runs.systems import Run

MOST_AXES = 2
Made = Outcome | Failure


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
    over: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUES",
            help="name=value,value,…, of lam, reasoner, history, n_thoughts or any setting",
        ),
    ],
    options: RunOptions,
    method: Annotated[str, typer.Option(help="the method whose settings vary")] = "flythinker",
    seeds: Annotated[str, typer.Option(help="training seeds, separated by commas")] = "0,1,2",
    reference: Annotated[str, typer.Option(help="a method to compare with, or none")] = "sft",
    results: Annotated[Path, typer.Option(help="folder for the runs")] = RESULTS,
    out: Annotated[Path, typer.Option(help="folder for the report")] = Path("ablation"),
    metric: Measure = None,
    fresh: Fresh = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show how many runs it needs")] = False,
) -> None:
    """Run every value of a setting and report. Give --over twice for a grid. Repeating the command
    resumes."""
    refuse_several_processes()
    compared = None if reference in ("none", method) else reference
    ablation = plan(over, options, method, compared, seeds)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; expected a folder, new or existing")
    console = screen()
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    if dry_run:
        _print_plan(console, ablation, results)
        return
    from harness.reports.ablation.ablation_page import document
    from harness.reports.ablation.values import ablation as evaluated

    tried = run_all(console, ablation, _once(lambda job: job.attempt(results, fresh)))
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
    axes = tuple(parse_over(text, *ablated) for text in over)
    if len({each.key for each in axes}) < len(axes):
        raise UsageError(f"--over names {axes[0].name} twice; put all its values in one --over")
    with blaming(*ablated):
        found = points(axes, options, ablated, other)
    return Ablation(axes, tuple(found), tuple(parse_seeds(seeds)))


def run_all(console: Console, ablation: Ablation, make: Callable[[Job], Made]) -> list[Tried]:
    """Run every value with every seed, seed by seed, so that an early stop leaves whole curves.

    Reports and keeps the error of a value or reference, and continues with the rest; stops if every
    value of a seed failed.
    """
    from harness.reports.ablation.values import Tried

    own, others = ([dict[int, Made]() for _ in ablation.points] for _ in range(2))
    total, done = len(ablation.points) * len(ablation.seeds), 0
    for seed in ablation.seeds:
        for point, made, references in zip(ablation.points, own, others, strict=True):
            done += 1
            if point.reference:
                outcome = make(point.reference.with_seed(seed))
                known = [each.get(seed) for each in others]
                if isinstance(outcome, Failure) and outcome not in known:
                    _print_failure(console, f"{point.reference.method}, seed {seed}: ", outcome)
                references[seed] = outcome
            head = f"{done}/{total} {ablation.label(point)}, seed {seed}: "
            outcome = made[seed] = make(point.job.with_seed(seed))
            if isinstance(outcome, Failure):
                _print_failure(console, head, outcome)
            elif outcome.repeated:
                console.print(f"{head}already complete")
            else:
                console.print(f"{head}{outcome.record.wall_s or 0:.0f} s")
        if all(isinstance(made[seed], Failure) for made in own):
            break
    return [
        Tried(point.values, _runs(made), _runs(references), _failures(made), _failures(references))
        for point, made, references in zip(ablation.points, own, others, strict=True)
    ]


def _print_failure(console: Console, head: str, failure: Failure) -> None:
    console.print(f"{head}failed: {failure.text}", style="red")


def _runs(outcomes: Mapping[int, Made]) -> tuple[Run, ...]:
    from harness.reports.runs.systems import Run

    made = [each for each in outcomes.values() if not isinstance(each, Failure)]
    return tuple(Run(each.folder, each.record) for each in made)


def _failures(outcomes: Mapping[int, Made]) -> dict[int, str]:
    """Seed → the first line of its run's error."""
    failed = {seed: each for seed, each in outcomes.items() if isinstance(each, Failure)}
    return {seed: each.text.splitlines()[0] for seed, each in failed.items()}


def _once(make: Callable[[Job], Made]) -> Callable[[Job], Made]:
    """`make`, called once for equal runs: with --fresh, a shared reference is redone once."""
    made: dict[tuple[str, int, str], Made] = {}

    def make_once(job: Job) -> Made:
        key = (job.method, job.settings.seed, job.settings.digest())
        if key not in made:
            made[key] = make(job)
        return made[key]

    return make_once


def _only(name: str, option: str, plugged: Mapping[str, Factory]) -> tuple[str, Factory]:
    if name == "all":
        raise UsageError(f"{option} all; expected one method, e.g. {option} flythinker")
    return name, method_named(name, plugged)


def _print_plan(console: Console, ablation: Ablation, results: Path) -> None:
    """Print the runs that would be made and how many are complete; equal settings are one run."""
    from harness.record import record_there
    from harness.run.plan import Plan

    own = {each.job.settings.digest(): each.job for each in ablation.points}
    others = {job.settings.digest(): job for each in ablation.points if (job := each.reference)}
    for axis in ablation.axes:
        console.print(f"{axis.name} ({axis.key}): {', '.join(axis.values)}")
    counted = " and ".join(
        f"{len(jobs)}{what} of {next(iter(jobs.values())).method}"
        for jobs, what in ((own, " settings"), (others, ""))
        if jobs
    )
    jobs = [
        job.with_seed(seed) for job in (*own.values(), *others.values()) for seed in ablation.seeds
    ]
    complete = 0
    for job in jobs:
        with blaming(job.method, job.factory):
            folder = Plan(job.settings, job.method, results, job.factory).folder
        record = record_there(folder)
        complete += record is not None and record.status == "complete"
    console.print(
        f"{counted}, {len(ablation.seeds)} seeds: {len(jobs)} runs, {complete} of them complete"
    )
