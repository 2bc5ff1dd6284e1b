"""harness check-method: the conformance kit on a method's name or file."""

from __future__ import annotations

from pathlib import Path

import typer

from harness.cli.screen import screen
from harness.registry import find, load_plugin
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table


def check_method(method: str, /) -> None:
    """Check a method on a tiny model. Tests every contract that the harness relies on.

    Args:
        method (NAME): a method's name or file
    """
    factory = load_plugin(Path(method)) if method.endswith(".py") else find("method", method)
    from harness.conformance import check_method as checked
    from harness.conformance import failures

    outcomes = checked(factory)
    rows = tuple((outcome.status, outcome.name) for outcome in outcomes)
    table = Table("check", f"check-method {method}", (Column(""), Column("check")), rows)
    console = screen()
    print_table(console, table)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        console.print(failures(outcomes))
    console.print(f"{len(outcomes) - failed} of {len(outcomes)} checks without a failure")
    raise typer.Exit(1 if failed else 0)
