"""harness check-method: the conformance kit on a method's name or file."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from harness.engine.quiet import quiet_libraries
from harness.registry import find, load_plugin
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table


def check_method_command(name: str) -> int:
    """Print every check's outcome; 1 where one failed."""
    factory = load_plugin(Path(name)) if name.endswith(".py") else find("method", name)
    quiet_libraries()
    from harness.conformance import check_method, failures

    outcomes = check_method(factory)
    rows = tuple((outcome.status, outcome.name) for outcome in outcomes)
    table = Table("check", f"check-method {name}", (Column(""), Column("check")), rows)
    console = Console()
    print_table(console, table)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        console.print(failures(outcomes), markup=False, highlight=False)
    console.print(f"{len(outcomes) - failed} of {len(outcomes)} without a failure")
    return 1 if failed else 0
