"""harness compare: verdicts on the terminal, the report in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.options import Debug, Json, print_json


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="runs, or folders of runs")],
    out: Annotated[Path, typer.Option(help="folder for the report")],
    allow_different: Annotated[
        bool,
        typer.Option(
            "--allow-different", help="compare runs that differ; missing texts count as empty"
        ),
    ] = False,
    no_texts: Annotated[
        bool,
        typer.Option("--no-texts", help="leave out all texts, for data that must not be published"),
    ] = False,
    metric: Annotated[
        str | None,
        typer.Option(help="measure for the verdict; default the runs' first metric"),
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option(help='"A,B", two systems as the report names them, to show side by side'),
    ] = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """Report which method is better, how certain, and at what cost."""
    from harness.reports.comparison import PAGE, Options, write_report
    from harness.reports.comparison import compare as compared

    document = compared(runs, Options(allow_different, not no_texts, metric, pair))
    written = write_report(document, out)
    console = Console(stderr=json_, markup=False)
    for line in document.warnings:
        console.print(line, style="yellow", markup=False, highlight=False)
    for sentence in document.sections[0].text:
        console.print(sentence, markup=False, highlight=False)
    console.print(f"report: {out / PAGE} ({len(written)} files)", highlight=False, soft_wrap=True)
    if json_:
        print_json(document.facts)
