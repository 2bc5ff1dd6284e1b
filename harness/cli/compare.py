"""harness compare: verdicts on the terminal, the report in a folder."""

from __future__ import annotations

from pathlib import Path

from harness.cli.jobs import plugins
from harness.cli.screen import print_json, publish, screen


def compare(
    runs: list[Path],
    /,
    out: Path,
    allow_different: bool = False,
    no_texts: bool = False,
    metric: str | None = None,
    pair: str | None = None,
    plugin: list[Path] | None = None,
    json_: bool = False,
) -> None:
    """Say which method is better, how certain, and at what cost.

    Args:
        runs (RUN): runs, or folders of runs
        out: folder for the report
        allow_different: compare runs that differ; missing texts count as empty
        no_texts: leave out all texts, for data that must not be published
        pair: "A,B", two systems as the report names them, to show side by side
    """
    from harness.reports.compare_runs import Options
    from harness.reports.compare_runs import compare as compared

    plugins(plugin)
    document = compared(runs, Options(allow_different, not no_texts, metric, pair))
    publish(screen(stderr=json_), document, out)
    if json_:
        print_json(document.facts)
