"""harness bench: methods against each other, as tables, JSON or Markdown."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.bench.ratios import BASELINE
from harness.cli.chosen import methods, plugins, settings_for
from harness.errors import UsageError
from harness.progress import Bars
from harness.registry import METHODS


def bench_command(
    names: str,
    preset: str,
    task: str,
    options: Mapping[str, Any],
    batches: str,
    tokens: str,
    repeats: int,
    assignments: list[str],
    plugin_files: list[Path],
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Every setting is checked before a model is loaded."""
    if as_json and as_markdown:
        raise UsageError("bench got --json and --markdown; choose one")
    if repeats < 1:
        raise UsageError(f"--repeats {repeats}; expected 1 or more")
    sizes, lengths = counts("--batch", batches), counts("--tokens", tokens)
    plugged = plugins(plugin_files)
    chosen = {}
    for name in _named(names):
        factory = methods(name, plugged)[name]
        chosen[name] = (
            factory, settings_for(preset, name, factory, task, options, None, assignments)
        )  # fmt: skip
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    from harness.bench.measure import bench
    from harness.bench.report import markdown, show

    command = "harness " + shlex.join(sys.argv[1:])
    found = {"command": command} | bench(chosen, sizes, lengths, repeats, Bars(), plugin_files)
    if as_json:
        json.dump(found, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
    elif as_markdown:
        sys.stdout.write(markdown(found))
    else:
        show(Console(), found)


def _named(names: str) -> list[str]:
    """The methods with sft, the baseline, first. Raises UsageError for none."""
    given = [name.strip() for name in names.split(",") if name.strip()]
    if not given:
        raise UsageError("--methods names none; expected e.g. --methods sft,flythinker, or all")
    given = list(METHODS) if given == ["all"] else given
    return list(dict.fromkeys([BASELINE, *given]))


def counts(option: str, text: str) -> list[int]:
    """`1,8` → [1, 8]. Raises UsageError for anything but whole numbers of at least 1."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise UsageError(f"{option} {text}; expected whole numbers from 1, e.g. {option} 1,8")
    return list(dict.fromkeys(found))
