"""harness claims: which claims of a paper hold in these runs."""

from __future__ import annotations

from pathlib import Path

from harness.cli.jobs import plugins
from harness.cli.screen import print_json, publish, screen, warn


def claims(
    runs: list[Path],
    /,
    paper: str = "flythinker",
    out: Path | None = None,
    metric: str | None = None,
    plugin: list[Path] | None = None,
    json_: bool = False,
) -> None:
    """Answer a paper's claims from runs. Each HOLDS, is REFUTED, or one CANNOT TELL.

    Args:
        runs (RUN): runs, or folders of runs
        paper: flythinker, coconut, or a TOML file of claims
        out: folder for the report
    """
    from harness.claims import paper as paper_named
    from harness.reports.claims.claims_page import claims_document

    plugins(plugin)
    document = claims_document(runs, paper_named(paper), metric)
    console = screen(stderr=json_)
    if out is not None:
        publish(console, document, out)
    elif not json_:
        warn(console, document.warnings)
        for line in document.sections[0].text:
            console.print(line, end="\n\n")
    if json_:
        print_json(document.facts)
