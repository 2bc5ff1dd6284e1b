"""harness bench: compare the speed and memory of methods, as tables, JSON or Markdown."""

from __future__ import annotations

import sys

from harness.cli.jobs import integers, method_named, plugins, settings_for
from harness.cli.options import ModelOptions
from harness.cli.screen import command_line, print_json, screen
from harness.errors import UsageError
from harness.progress import Bars
from harness.registry import METHODS


def bench(
    options: ModelOptions,
    methods: str = "all",
    batch: str = "1,8",
    tokens: str = "64,256",
    repeats: int = 5,
    json_: bool = False,
    markdown: bool = False,
) -> None:
    """Compare time and memory of methods with sft on this machine. Nothing is trained or saved.

    Every round runs each method once (ABAB…), so that disturbances affect all methods alike. For a
    quick look: --methods flythinker --batch 1 --tokens 32. docs/performance.md explains what each
    time includes.

    Args:
        methods: names separated by commas, or all; sft, the baseline, is always included
        batch: batch sizes, separated by commas
        tokens: tokens per text, separated by commas
        repeats: paired rounds after one warm-up round; more rounds give narrower intervals
        markdown: print the tables as Markdown
    """
    from harness.bench.measure import Bench
    from harness.bench.measure import bench as measured
    from harness.bench.report import markdown as as_markdown
    from harness.bench.report import show

    if json_ and markdown:
        raise UsageError("bench got --json and --markdown; choose one")
    if repeats < 1:
        raise UsageError(f"--repeats {repeats}; expected 1 or more")
    sizes, lengths = counts("--batch", batch), counts("--tokens", tokens)
    plugged = plugins(options.plugin)
    chosen = {}
    for name in _named(methods):
        factory = method_named(name, plugged)
        chosen[name] = (factory, settings_for(options, name, factory))
    asked = Bench(chosen, sizes, lengths, repeats, tuple(options.plugin or ()))
    times = measured(asked, Bars())
    found = {"command": command_line()} | times
    if json_:
        print_json(found)
    elif markdown:
        sys.stdout.write(as_markdown(found))
    else:
        show(screen(), found)


def _named(names: str) -> list[str]:
    """The methods, with the baseline sft first. Raises UsageError if none is named."""
    from harness.bench.ratios import BASELINE

    given = [name.strip() for name in names.split(",") if name.strip()]
    if not given:
        raise UsageError("--methods names none; expected e.g. --methods sft,flythinker, or all")
    given = list(METHODS) if given == ["all"] else given
    return list(dict.fromkeys([BASELINE, *given]))


def counts(option: str, text: str) -> list[int]:
    """`1,8` → [1, 8]. Raises UsageError for anything but whole numbers of at least 1."""
    found = integers(text)
    if not found or min(found) < 1:
        raise UsageError(f"{option} {text}; expected whole numbers from 1, e.g. {option} 1,8")
    return list(dict.fromkeys(found))
