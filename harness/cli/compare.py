"""harness compare: verdicts on the terminal, the report in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Json, Measure
from harness.cli.screen import print_json, publish, screen


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
    metric: Measure = None,
    pair: Annotated[
        str | None,
        typer.Option(help='"A,B", two systems as the report names them, to show side by side'),
    ] = None,
    json_: Json = False,
) -> None:
    """Report which method is better, how certain, and at what cost."""
    from harness.reports.compare_runs import Options
    from harness.reports.compare_runs import compare as compared

    document = compared(runs, Options(allow_different, not no_texts, metric, pair))
    publish(screen(stderr=json_), document, out)
    if json_:
        print_json(document.facts)
