"""harness run: one or several runs, each with its table; exits with the worst exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from harness.cli.attempts import Failure, attempt
from harness.cli.chosen import given, methods, plugins, settings_for, tasks
from harness.cli.options import (
    Backbone,
    Data,
    Debug,
    Lam,
    Limit,
    Out,
    Plugin,
    Preset,
    Reasoner,
    Set,
    Setting,
    Task,
    TrainLimit,
)
from harness.cli.outcome import print_outcome, print_together
from harness.inputs.finished import finished
from harness.inputs.stale import named_message
from harness.progress import Bars
from harness.registry import METHODS, blaming
from harness.settings import RunSettings


def run(
    method: Annotated[str, typer.Option(help="a method's name, or all (every built-in method)")],
    preset: Preset = "mini",
    task: Task = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    lam: Lam = None,
    limit: Limit = None,
    train_limit: TrainLimit = None,
    seed: Annotated[int, typer.Option(help="seed of training order and sampling")] = 0,
    out: Out = Path("results"),
    plugin: Plugin = None,
    set_: Set = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="redo a run that is already complete")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would run, and one prompt")
    ] = False,
    debug: Debug = False,
) -> None:
    """Train, generate and evaluate. Repeating the command resumes or shows the run."""
    options = {"seed": seed, **given(
        data=data, setting=setting, limit=limit, train_limit=train_limit, backbone=backbone,
        reasoner=reasoner,
    )}  # fmt: skip
    assignments, plugin_files = set_ or [], plugin or []
    if not fresh and not dry_run:
        shown = _finished(method, preset, task, options, lam, assignments, plugin_files, out)
        if shown is not None:
            raise typer.Exit(shown)
    # 2. Check the settings of every run.
    chosen = methods(method, plugins(plugin_files))
    plans = []
    for each_task in tasks(task):
        for name, factory in chosen.items():
            own_lam = lam if method != "all" or _knows_lam(factory) else None
            asked = (
                assignments
                if method != "all"
                else _without_thought_replacement(factory, assignments)
            )
            settings = settings_for(preset, name, factory, each_task, options, own_lam, asked)
            with blaming(name, factory):
                factory(settings)  # checks the method's own options
            plans.append((name, factory, settings))
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    console = Console(markup=False)  # names and texts may hold brackets
    if dry_run:
        from harness.cli.dry_run import print_plan

        for name, factory, settings in plans:
            with blaming(name, factory):
                print_plan(console, settings, name, factory, out)
        return
    from harness.run.single import run as run_one

    worst = 0
    command = "harness " + shlex.join(sys.argv[1:])
    outcomes = []
    for name, factory, settings in plans:
        _print_head(console, name, settings)
        make = partial(
            run_one, settings, name, out, command=command, fresh=fresh, factory=factory, bars=Bars()
        )
        if len(plans) == 1:
            with blaming(name, factory):
                outcome = make()
        else:
            outcome = attempt(name, factory, make)
        worst = max(worst, outcome.exit_code)
        if isinstance(outcome, Failure):
            Console(stderr=True).print(outcome.text, markup=False, highlight=False)
            continue
        print_outcome(console, outcome)
        outcomes.append(outcome)
    if len(outcomes) > 1:
        print_together(console, outcomes)
    raise typer.Exit(worst)


def _finished(
    method: str,
    preset: str,
    task: str,
    options: Mapping[str, Any],
    lam: float | None,
    assignments: list[str],
    plugin_files: list[Path],
    out: Path,
) -> int | None:
    """Print a command's finished runs and return 0; None if one is missing or may be stale.

    With `--method all`, lam and thought replacement go only to methods that have them, which is
    known only after importing them; such a command returns None.
    """
    same_for_all = lam is None and not any("eval.controls" in text for text in assignments)
    if not out.is_dir() or (method == "all" and not same_for_all):
        return None
    found = []
    for each_task in tasks(task):
        for name in METHODS if method == "all" else (method,):
            settings = settings_for(preset, name, None, each_task, options, lam, assignments)
            run = finished(settings, name, plugin_files, out)
            if run is None:
                return None
            found.append((settings, *run))
    console, bars = Console(markup=False), Bars()
    for settings, outcome, what in found:
        _print_head(console, outcome.record.method, settings)
        if message := named_message(outcome.folder, what):
            bars.say(message)
        print_outcome(console, outcome)
    if len(found) > 1:
        print_together(console, [outcome for _, outcome, _ in found])
    return 0


def _print_head(console: Console, method: str, settings: RunSettings) -> None:
    title = f"{method} on {settings.task} · {settings.preset}"
    console.print(title, style="bold", highlight=False)


def _knows_lam(factory: Any) -> bool:
    options = getattr(factory, "Options", None)
    return options is not None and "lam" in options.model_fields


def _without_thought_replacement(factory: Any, assignments: list[str]) -> list[str]:
    """With `--method all`, thought replacement is only for methods with thoughts."""
    if getattr(factory, "controls", False):
        return assignments
    return [text for text in assignments if not text.strip().startswith("eval.controls=")]
