"""harness run: one run or several, each with its table; the exit code of the worst."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.cli.attempts import Failure, attempt
from harness.cli.chosen import methods, plugins, settings_for, tasks
from harness.progress import Bars
from harness.registry import blaming


def run_command(
    method: str,
    preset: str,
    task: str,
    options: Mapping[str, Any],
    lam: float | None,
    assignments: list[str],
    plugin_files: list[Path],
    out: Path,
    fresh: bool,
    dry_run: bool,
) -> int:
    """Every setting is checked before the first run starts. Returns the exit code."""
    chosen = methods(method, plugins(plugin_files))
    plans = []
    for each_task in tasks(task):
        for name, factory in chosen.items():
            own_lam = lam if method != "all" or _knows_lam(factory) else None
            asked = assignments if method != "all" else _without_controls(factory, assignments)
            settings = settings_for(preset, name, factory, each_task, options, own_lam, asked)
            with blaming(name, factory):
                factory(settings)  # its own options
            plans.append((name, factory, settings))
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    console = Console(markup=False)  # names and texts may hold brackets
    if dry_run:
        from harness.cli.dry_run import print_plan

        for name, factory, settings in plans:
            with blaming(name, factory):
                print_plan(console, settings, name, factory, out)
        return 0
    from harness.cli.outcome import print_outcome
    from harness.run import run

    worst = 0
    command = "harness " + shlex.join(sys.argv[1:])
    outcomes = []
    for name, factory, settings in plans:
        console.print(
            f"{name} on {settings.task} · {settings.preset}", style="bold", highlight=False
        )
        make = partial(
            run, settings, name, out, command=command, fresh=fresh, factory=factory, bars=Bars()
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
        from harness.cli.outcome import print_together

        print_together(console, outcomes)
    return worst


def _knows_lam(factory: Any) -> bool:
    options = getattr(factory, "Options", None)
    return options is not None and "lam" in options.model_fields


def _without_controls(factory: Any, assignments: list[str]) -> list[str]:
    """Of all methods, controls of thoughts are asked only of those that have some."""
    if getattr(factory, "controls", False):
        return assignments
    return [text for text in assignments if not text.strip().startswith("eval.controls=")]
