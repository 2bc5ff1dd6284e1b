"""harness run: one or several runs, each with its table; exits with the worst exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from harness.blame import blaming
from harness.cli.cautions import cautions
from harness.cli.each_run import each_run
from harness.cli.jobs import Failure, Job, Making
from harness.cli.options import RunOptions, RunsOptions
from harness.cli.outcome import print_next, print_outcome, print_stopped, print_together
from harness.cli.processes import PARENT, followed, processes_of, start, watch_parent
from harness.cli.requests import Request, requested
from harness.cli.screen import command_line, screen, warn
from harness.errors import HarnessError, counted
from harness.inputs.finished import finished
from harness.inputs.stale import Since, named_message
from harness.pipeline.estimate import estimate
from harness.pipeline.lock import launched_together
from harness.pipeline.method_training import trains
from harness.pipeline.stops import Until, stop_named
from harness.progress import Bars
from harness.record import Outcome
from harness.settings import RunSettings

if TYPE_CHECKING:
    from harness.engine.ranks import Ranks

NO_OPTIONS = RunsOptions()


def run(
    method: str | None = None,
    config: Path | None = None,
    options: RunsOptions = NO_OPTIONS,
    seed: int | None = None,
    seeds: str | None = None,
    out: Path | None = None,
    fresh: bool = False,
    dry_run: bool = False,
    full: bool = False,
    processes: int | None = None,
    until: str | None = None,
) -> None:
    """Train, generate and evaluate. Repeating the command resumes or shows the run.

    Args:
        method: a method's name, or all: the six methods of the paper's table
        config (FILE): run file (TOML or YAML); options override it
        seed: seed of training order and sampling; default 0
        seeds: several seeds, e.g. 0,1,2: one run each
        out: folder for the results; default results
        dry_run: show what would run, the time and memory it needs, and one prompt
        full: show every row of a run's table
        processes (N): train and generate in N processes, each on a GPU of its own, or on the CPU;
            default 1
    """
    stop, together = stop_named(until, "--until"), launched_together()
    count = processes_of(processes, together)
    console = screen()
    ask = partial(requested, method, options, seed, seeds, out, config)
    if together and dry_run and os.environ["RANK"] != "0":
        return
    if together and not dry_run:
        _run_together(ask, options, fresh, full, stop)
        return
    requests, results = ask()
    if not fresh and not dry_run and (found := _finished(requests, results)):
        seeded = len({settings.seed for settings, _, _ in found}) > 1
        for settings, outcome, since in found:
            _print_head(console, outcome.record.method, settings, seeded)
            if message := named_message(outcome.folder, since):
                Bars().say(message)
            print_outcome(console, outcome, full)
        print_together(console, [outcome for _, outcome, _ in found])
        print_next(console, [outcome for _, outcome, _ in found], command_line())
        return
    for request in requests:
        request.refuse_unknown_methods()
    _print_start(console, requests, results)
    if count > 1 and not dry_run:
        raise typer.Exit(start(count))
    with Bars().waiting("loading torch and transformers"):
        jobs = each_run(requests)
    if dry_run:
        from harness.cli.dry_run import print_plan

        for job in jobs:
            warn(console, cautions(job.settings, job.trains, options.set_ or []))
            with blaming(job.method, job.factory):
                print_plan(console, job, results, count)
        return
    raise typer.Exit(_make(jobs, Making(results, fresh, stop), options, full))


def _run_together(
    ask: Callable[[], tuple[list[Request], Path]],
    options: RunOptions,
    fresh: bool,
    full: bool,
    until: Until | None,
) -> None:
    """`run` in one of several processes; the first one prints and decides.

    ask: reads what is asked for, and the folder for the results. The others are those of `run`.
    """
    watch_parent()
    first = os.environ["RANK"] == "0"
    try:
        requests, results = ask()
        jobs = each_run(requests)
    except HarnessError:
        if first:
            raise
        raise typer.Exit(2) from None  # the first process says why
    if first and PARENT not in os.environ:
        _print_start(screen(), requests, results)
    with Bars(quiet=not first).waiting("loading torch and transformers"):
        from harness.engine.ranks import join

        ranks = join()
    if ranks.first:
        worst = _make(jobs, Making(results, fresh, until), options, full, ranks)
        ranks.leave()
        raise typer.Exit(worst)
    followed([partial(job.follow, results, ranks) for job in jobs])


def _make(
    jobs: Sequence[Job],
    how: Making,
    options: RunOptions,
    full: bool,
    ranks: Ranks | None = None,
) -> int:
    """Make the runs and print their tables; the worst exit code.

    jobs, options, full: as asked for.
    how: the runs are made.
    ranks: the processes that make them.
    """
    console, seeded = screen(), len({job.settings.seed for job in jobs}) > 1
    outcomes: list[Outcome] = []
    worst = 0
    for job in jobs:
        if len(jobs) > 1:
            _print_head(console, job.method, job.settings, seeded)
        warn(console, cautions(job.settings, job.trains, options.set_ or []))
        made = (job.make if len(jobs) == 1 else job.attempt)(how, ranks)
        worst = max(worst, made.exit_code)
        if isinstance(made, Failure):
            screen(stderr=True).print(made.text)
        elif how.until is not None and made.record.status == "running":
            print_stopped(console, made, how.until)
        else:
            print_outcome(console, made, full)
            outcomes.append(made)
    print_together(console, outcomes)
    print_next(console, outcomes, command_line())
    return worst


def _finished(
    requests: Sequence[Request], results: Path
) -> list[tuple[RunSettings, Outcome, Since]]:
    """A command's finished runs with what changed since; empty if one is missing or may be stale.

    With several methods, lam and thought replacement go only to those that have them, which is
    known only after importing them; such a command finds nothing.
    """
    if not results.is_dir() or any(request.depends_on_the_method for request in requests):
        return []
    found = []
    for request in requests:
        for task, name in product(request.tasks, request.methods):
            for seed in request.seeds:
                settings = request.settings(name, None, task, seed)
                run = finished(settings, name, request.options.plugin or [], results)
                if run is None:
                    return []
                found.append((settings, *run))
                if run[0].record.training is None:
                    break  # seeds are for methods that train
    return found


def _seeds(request: Request, method: str, task: str) -> Sequence[int]:
    """The seeds that a method runs with: all if it trains, else the first."""
    seeds = request.seeds
    return seeds if trains(method, request.settings(method, None, task, seeds[0])) else seeds[:1]


def _print_start(console: Console, requests: Sequence[Request], results: Path) -> None:
    """The first line, before anything slow is imported: what will run, and for how long."""
    runs = [
        (name, request.settings(name, None, task, seed))
        for request in requests
        for task, name in product(request.tasks, request.methods)
        for seed in _seeds(request, name, task)
    ]
    time = estimate(runs, results).shown
    if len(runs) == 1:
        ((name, settings),) = runs
        line = f"{name} on {settings.task} · {settings.preset} · {time}"
        console.print(line, style="bold", soft_wrap=True)
        return
    tasks = ", ".join(dict.fromkeys(settings.task for _, settings in runs))
    presets = ", ".join(dict.fromkeys(settings.preset for _, settings in runs))
    line = f"{counted(len(runs), 'run')} on {tasks} · {presets} · {time}"
    console.print(line, style="bold", soft_wrap=True)


def _print_head(console: Console, method: str, settings: RunSettings, seeded: bool) -> None:
    which = f" · seed {settings.seed}" if seeded else ""
    console.print(f"{method} on {settings.task} · {settings.preset}{which}", style="bold")
