"""harness run: one or several runs, each with its table; exits with the worst exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console

from harness.cli.jobs import (
    Failure,
    Job,
    fitting,
    method_named,
    methods,
    parse_seeds,
    plugins,
    settings_for,
    tasks,
)
from harness.cli.options import RESULTS, RunOptions
from harness.cli.outcome import print_outcome, print_together
from harness.cli.screen import screen
from harness.inputs.finished import finished
from harness.inputs.stale import Since, named_message
from harness.pipeline.lock import refuse_several_processes
from harness.progress import Bars
from harness.record import Outcome
from harness.registry import blaming
from harness.settings import RunSettings


def run(
    method: str,
    options: RunOptions,
    seed: int = 0,
    seeds: str | None = None,
    out: Path = RESULTS,
    fresh: bool = False,
    dry_run: bool = False,
) -> None:
    """Train, generate and evaluate. Repeating the command resumes or shows the run.

    Args:
        method: a method's name, or all (every built-in method)
        seed: seed of training order and sampling
        seeds: several training seeds, e.g. 0,1,2: one run each
        out: folder for the results
        dry_run: show what would run, and one prompt
    """
    refuse_several_processes()
    console = screen()
    chosen = parse_seeds(seeds) if seeds else [seed]
    if not fresh and not dry_run and (found := _finished(method, options, chosen, out)):
        for settings, outcome, since in found:
            _print_head(console, outcome.record.method, settings, chosen)
            if message := named_message(outcome.folder, since):
                Bars().say(message)
            print_outcome(console, outcome)
        print_together(console, [outcome for _, outcome, _ in found])
        return
    plugged = plugins(options.plugin)
    factories = {name: method_named(name, plugged) for name in methods(method)}
    fit = fitting if method == "all" else lambda options, factory: options
    jobs = [
        job
        for task in tasks(options.task)
        for name, factory in factories.items()
        for job in Job(name, factory, settings_for(fit(options, factory), name, factory, task=task))
        .checked()
        .with_seeds(chosen)
    ]
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    if dry_run:
        from harness.cli.dry_run import print_plan

        for job in jobs:
            with blaming(job.method, job.factory):
                print_plan(console, job, out)
        return
    outcomes: list[Outcome] = []
    worst = 0
    for job in jobs:
        _print_head(console, job.method, job.settings, chosen)
        made = job.make(out, fresh) if len(jobs) == 1 else job.attempt(out, fresh)
        worst = max(worst, made.exit_code)
        if isinstance(made, Failure):
            screen(stderr=True).print(made.text)
        else:
            print_outcome(console, made)
            outcomes.append(made)
    print_together(console, outcomes)
    raise typer.Exit(worst)


def _finished(
    method: str, options: RunOptions, seeds: Sequence[int], out: Path
) -> list[tuple[RunSettings, Outcome, Since]]:
    """A command's finished runs with what changed since; empty if one is missing or may be stale.

    With `--method all`, lam and thought replacement go only to methods that have them, which is
    known only after importing them; such a command finds nothing.
    """
    own = options.lam is not None or any("eval.controls" in text for text in options.set_ or ())
    if not out.is_dir() or (method == "all" and own):
        return []
    found = []
    for task in tasks(options.task):
        for name in methods(method):
            for seed in seeds:
                settings = settings_for(options, name, None, task=task, seed=seed)
                run = finished(settings, name, options.plugin or [], out)
                if run is None:
                    return []
                found.append((settings, *run))
                if run[0].record.training is None:
                    break  # seeds are for methods that train
    return found


def _print_head(console: Console, method: str, settings: RunSettings, seeds: Sequence[int]) -> None:
    which = f" · seed {settings.seed}" if len(seeds) > 1 else ""
    console.print(f"{method} on {settings.task} · {settings.preset}{which}", style="bold")
