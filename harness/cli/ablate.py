"""harness ablate: one run per value and seed, then one report; complete runs are only read."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from harness.cli.attempts import Failure, attempt
from harness.cli.chosen import given, methods, plugins, settings_for
from harness.cli.options import (
    Backbone,
    Data,
    Debug,
    Lam,
    Limit,
    Plugin,
    Preset,
    Reasoner,
    Set,
    Setting,
    TrainLimit,
)
from harness.cli.over import OWN, Over, Point, parse_over, parse_seeds, points
from harness.errors import UsageError
from harness.progress import Bars
from harness.registry import blaming
from harness.settings import RunSettings

MOST_AXES = 2


@dataclass(frozen=True)
class Request:
    """The command line of an ablation, as given."""

    method: str
    over: tuple[str, ...]
    seeds: str
    reference: str
    preset: str
    task: str
    options: Mapping[str, Any]
    lam: float | None
    assignments: tuple[str, ...]
    plugin_files: tuple[Path, ...]
    results: Path
    out: Path
    metric: str | None
    fresh: bool
    dry_run: bool


@dataclass(frozen=True)
class Job:
    """One run to make or to read; `with_seed` gives it its seed."""

    method: str
    factory: Any
    settings: RunSettings

    def with_seed(self, seed: int) -> Job:
        return Job(self.method, self.factory, self.settings.model_copy(update={"seed": seed}))


RunOne = Callable[[Job], Any]
"""Makes or reads a run; returns an Outcome of harness.run, or a Failure."""


def ablate(
    over: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUES",
            help="name=value,value,…, of lam, reasoner, history, n_thoughts or any setting",
        ),
    ],
    method: Annotated[str, typer.Option(help="the method whose settings vary")] = "flythinker",
    seeds: Annotated[str, typer.Option(help="training seeds, separated by commas")] = "0,1,2",
    reference: Annotated[str, typer.Option(help="a method to compare with, or none")] = "sft",
    preset: Preset = "mini",
    task: Annotated[str, typer.Option(help="the task's name")] = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    lam: Lam = None,
    limit: Limit = None,
    train_limit: TrainLimit = None,
    results: Annotated[Path, typer.Option(help="folder for the runs")] = Path("results"),
    out: Annotated[Path, typer.Option(help="folder for the report")] = Path("ablation"),
    metric: Annotated[
        str | None,
        typer.Option(help="measure for the verdict; default the runs' first metric"),
    ] = None,
    plugin: Plugin = None,
    set_: Set = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="redo runs that are already complete")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show how many runs it needs")] = False,
    debug: Debug = False,
) -> None:
    """Run every value of a setting and report. Give --over twice for a grid. Repeating the command
    resumes."""
    options = given(
        data=data, setting=setting, limit=limit, train_limit=train_limit, backbone=backbone,
        reasoner=reasoner,
    )  # fmt: skip
    request = Request(
        method, tuple(over), seeds, reference, preset, task, options, lam,
        tuple(set_ or []), tuple(plugin or []), results, out, metric, fresh, dry_run,
    )  # fmt: skip
    raise typer.Exit(run_request(request))


def run_request(request: Request) -> int:
    """Run an ablation and write its report; 1 if a value, its reference or an example failed.

    Checks every setting before the first run starts.
    """
    overs, planned, reference = plan(request)
    seeds = parse_seeds(request.seeds)
    if request.out.exists() and not request.out.is_dir():
        raise UsageError(f"--out {request.out} is a file; expected a folder, new or existing")
    console = Console(markup=False)
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    if request.dry_run:
        _print_plan(console, overs, planned, seeds, reference, request.results)
        return 0
    from harness.reports.ablation.document import document
    from harness.reports.ablation.values import Axis, ablation
    from harness.reports.comparison import PAGE, write_report
    from harness.reports.render.terminal import print_table

    tried = run_all(console, overs, planned, seeds, _runner(request))
    axes = [Axis(over.name, over.key, over.values) for over in overs]
    found = ablation(request.method, axes, tried, reference, request.metric)
    report = document(found, ["harness " + shlex.join(sys.argv[1:])])
    written = write_report(report, request.out)
    for line in report.warnings:
        console.print(line, style="yellow", markup=False, highlight=False)
    print_table(console, report.sections[0].tables[0])
    for sentence in report.sections[0].text:
        console.print(sentence, markup=False, highlight=False)
    console.print(
        f"report: {request.out / PAGE} ({len(written)} files)", highlight=False, soft_wrap=True
    )
    runs = [run for one in tried for run in (*one.runs, *one.reference)]
    broken = any(one.failures or one.reference_failures for one in tried)
    return int(broken or any(run.record.n.failed for run in runs))


def plan(request: Request) -> tuple[list[Over], list[tuple[Point, Job, Job | None]], str | None]:
    """The varied settings; for each value its run and its reference's, without a seed; a name.

    The name is the reference method's, or None. Raises UsageError for a wrong option or setting.
    """
    # 1. Read the options.
    if not 1 <= len(request.over) <= MOST_AXES:
        raise UsageError(
            f"--over was given {len(request.over)} times; expected once, or twice for a grid"
        )
    plugged = plugins(list(request.plugin_files))
    factory = _only(request.method, "--method", plugged)
    reference_name = None if request.reference in ("none", request.method) else request.reference
    reference_factory: Any = (
        _only(reference_name, "--reference", plugged) if reference_name else None
    )
    overs = [parse_over(text, request.method, factory) for text in request.over]
    if len({over.key for over in overs}) < len(overs):
        raise UsageError(f"--over names {overs[0].name} twice; put all its values in one --over")

    # 2. How settings are made: the method's own, and its reference's.
    # 2. How settings are made: the method's own, and its reference's.
    def own(assignments: Sequence[str]) -> RunSettings:
        return settings_for(
            request.preset, request.method, factory, request.task, request.options, request.lam,
            [*request.assignments, *assignments],
        )  # fmt: skip

    def of_reference(assignments: Sequence[str]) -> RunSettings:
        model = {**request.options.get("model", {}), "reasoner": None}
        return settings_for(
            request.preset, reference_name or "", reference_factory, request.task,
            {**request.options, "model": model}, None,
            [*(text for text in request.assignments if not text.startswith(OWN)), *assignments],
        )  # fmt: skip

    # 3. Check the settings of every value.
    other = of_reference if reference_name else None
    planned: list[tuple[Point, Job, Job | None]] = []
    with blaming(request.method, factory):
        found = points(overs, factory, own, other)
        for point in found:
            factory(point.settings)  # checks the method's own options
    for point in found:
        reference = None
        if reference_name and point.reference is not None:
            reference = Job(reference_name, reference_factory, point.reference)
            with blaming(reference_name, reference_factory):
                reference_factory(point.reference)
        planned.append((point, Job(request.method, factory, point.settings), reference))
    return overs, planned, reference_name


def run_all(
    console: Console,
    overs: Sequence[Over],
    planned: Sequence[tuple[Point, Job, Job | None]],
    seeds: Sequence[int],
    run_one: RunOne,
) -> list[Any]:
    """Run every value with every seed, seed by seed, so that an early stop leaves whole curves.

    Reports and keeps the error of a value or reference, and continues with the rest; stops if every
    value of a seed failed.
    """
    from harness.reports.ablation.values import Tried

    own, others = ([dict[int, Any]() for _ in planned] for _ in range(2))
    total, done = len(planned) * len(seeds), 0
    for seed in seeds:
        for index, (point, job, reference) in enumerate(planned):
            label = ", ".join(
                f"{over.name}={value}" for over, value in zip(overs, point.values, strict=True)
            )
            done += 1
            head = f"{done}/{total} {label}, seed {seed}: "
            if reference is not None:
                outcome = run_one(reference.with_seed(seed))
                if isinstance(outcome, Failure) and outcome not in [of.get(seed) for of in others]:
                    _print_failure(console, f"{reference.method}, seed {seed}: ", outcome)
                others[index][seed] = outcome
            outcome = own[index][seed] = run_one(job.with_seed(seed))
            if isinstance(outcome, Failure):
                _print_failure(console, head, outcome)
            else:
                result = (
                    "already complete"
                    if outcome.repeated
                    else f"{outcome.record.wall_s or 0:.0f} s"
                )
                console.print(head + result, markup=False, highlight=False)
        if all(isinstance(of[seed], Failure) for of in own):
            break
    return [
        Tried(point.values, _runs(own[index]), _runs(others[index]),
              _failures(own[index]), _failures(others[index]))
        for index, (point, _, _) in enumerate(planned)
    ]  # fmt: skip


def _print_failure(console: Console, head: str, failure: Failure) -> None:
    text = f"{head}failed: {failure.text}"
    console.print(text, style="red", markup=False, highlight=False)


def _runs(outcomes: Mapping[int, Any]) -> tuple[Any, ...]:
    from harness.reports.runs.systems import Run

    made = [one for one in outcomes.values() if not isinstance(one, Failure)]
    return tuple(Run(one.folder, one.record) for one in made)


def _failures(outcomes: Mapping[int, Any]) -> dict[int, str]:
    """Seed → the first line of its run's error."""
    return {
        seed: one.text.splitlines()[0] for seed, one in outcomes.items() if isinstance(one, Failure)
    }


def _runner(request: Request) -> RunOne:
    """A function that makes each run once per command.

    So with --fresh, a reference shared by all values is redone once.
    """
    from harness.run.single import run

    command = "harness " + shlex.join(sys.argv[1:])
    made: dict[str, Any] = {}

    def run_one(job: Job) -> Any:
        key = f"{job.method} {job.settings.seed} {job.settings.digest()}"
        if key not in made:
            make = partial(
                run, job.settings, job.method, request.results, command=command,
                fresh=request.fresh, factory=job.factory, bars=Bars(),
            )  # fmt: skip
            made[key] = attempt(job.method, job.factory, make)
        return made[key]

    return run_one


def _only(name: str, option: str, plugged: Mapping[str, Any]) -> Any:
    if name == "all":
        raise UsageError(f"{option} all; expected one method, e.g. {option} flythinker")
    return methods(name, plugged)[name]


def _print_plan(
    console: Console,
    overs: Sequence[Over],
    planned: Sequence[tuple[Point, Job, Job | None]],
    seeds: Sequence[int],
    reference: str | None,
    results: Path,
) -> None:
    """Print the runs that would be made and how many are complete; equal settings are one run."""
    from harness.record import record_there
    from harness.run.plan import Plan

    runs = {(job.method, job.settings.digest()): job for _, job, _ in planned}
    references = {(job.method, job.settings.digest()): job for _, _, job in planned if job}
    for over in overs:
        console.print(f"{over.name} ({over.key}): {', '.join(over.values)}", highlight=False)
    counted = f"{len(runs)} settings of {planned[0][1].method}"
    if reference:
        counted += f" and {len(references)} of {reference}"
    jobs = [job.with_seed(seed) for job in (runs | references).values() for seed in seeds]
    folders = []
    for job in jobs:
        with blaming(job.method, job.factory):
            folders.append(Plan(job.settings, job.method, results, job.factory).folder)
    existing = [record for folder in folders if (record := record_there(folder)) is not None]
    complete = sum(record.status == "complete" for record in existing)
    console.print(
        f"{counted}, {len(seeds)} seeds: {len(jobs)} runs, {complete} of them complete",
        highlight=False,
    )
