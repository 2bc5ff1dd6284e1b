"""harness bench: methods against each other, as tables, JSON or Markdown."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.chosen import given, plugins, settings_for
from harness.cli.chosen import methods as chosen_methods
from harness.cli.options import (
    Backbone,
    Data,
    Debug,
    Json,
    Plugin,
    Preset,
    Reasoner,
    Set,
    Setting,
    print_json,
)
from harness.errors import UsageError
from harness.progress import Bars
from harness.registry import METHODS


def bench(
    methods: Annotated[
        str, typer.Option(help="names with commas, or all; sft is the baseline and always there")
    ] = "all",
    preset: Preset = "mini",
    task: Annotated[str, typer.Option(help="the task's name")] = "product_review",
    data: Data = None,
    setting: Setting = None,
    backbone: Backbone = None,
    reasoner: Reasoner = None,
    batch: Annotated[str, typer.Option(help="texts written together, sizes with commas")] = "1,8",
    tokens: Annotated[str, typer.Option(help="tokens of a text, lengths with commas")] = "64,256",
    repeats: Annotated[
        int, typer.Option(help="paired rounds, after one that warms up; more narrow the intervals")
    ] = 5,
    plugin: Plugin = None,
    set_: Set = None,
    json_: Json = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="the tables as Markdown, to be pasted")
    ] = False,
    debug: Debug = False,
) -> None:
    """Time and memory of methods against sft on this machine. Nothing is trained or kept.

    Every round runs each method once (ABAB…), so that what disturbs the machine disturbs all. A
    quick look: --methods flythinker --batch 1 --tokens 32. docs/performance.md says what each
    clock counts.
    """
    from harness.bench.measure import bench as measured
    from harness.bench.report import markdown as as_markdown
    from harness.bench.report import show
    from harness.engine.quiet import quiet_libraries

    if json_ and markdown:
        raise UsageError("bench got --json and --markdown; choose one")
    if repeats < 1:
        raise UsageError(f"--repeats {repeats}; expected 1 or more")
    sizes, lengths = counts("--batch", batch), counts("--tokens", tokens)
    options = given(data=data, setting=setting, backbone=backbone, reasoner=reasoner)
    plugged = plugins(plugin or [])
    chosen = {}
    for name in _named(methods):
        factory = chosen_methods(name, plugged)[name]
        chosen[name] = (
            factory, settings_for(preset, name, factory, task, options, None, set_ or [])
        )  # fmt: skip
    quiet_libraries()
    command = "harness " + shlex.join(sys.argv[1:])
    found = {"command": command} | measured(chosen, sizes, lengths, repeats, Bars(), plugin or [])
    if json_:
        print_json(found)
    elif markdown:
        sys.stdout.write(as_markdown(found))
    else:
        show(Console(), found)


def _named(names: str) -> list[str]:
    """The methods with sft, the baseline, first. Raises UsageError for none."""
    from harness.bench.ratios import BASELINE

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
