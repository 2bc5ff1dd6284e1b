"""harness check-method: the conformance kit on a method's name or file."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.engine.quiet import quiet_libraries
from harness.registry import find, load_plugin

MARKS = {"passed": "[green]passed[/]", "failed": "[red]failed[/]", "skipped": "[dim]skipped[/]"}


def check_method_command(name: str) -> int:
    """Print every check's outcome; 1 where one failed."""
    factory = load_plugin(Path(name)) if name.endswith(".py") else find("method", name)
    quiet_libraries()
    from harness.conformance import check_method, failures

    outcomes = check_method(factory)
    table = Table(title=f"check-method {name}", title_justify="left")
    for head in ("", "check"):
        table.add_column(head)
    for outcome in outcomes:
        table.add_row(MARKS[outcome.status], outcome.name)
    console = Console()
    console.print(table)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        console.print(failures(outcomes), markup=False, highlight=False)
    console.print(f"{len(outcomes) - failed} of {len(outcomes)} without a failure")
    return 1 if failed else 0
