"""harness compare: verdicts on the screen, the report in a folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from harness.reports.comparison import PAGE, Options, compare, write_report


def compare_command(
    runs: list[Path],
    out: Path,
    allow_different: bool,
    texts: bool,
    metric: str | None,
    pair: str | None,
    as_json: bool,
) -> None:
    """Compare, write, and say what came of it; with `as_json` as one document on stdout."""
    document = compare(runs, Options(allow_different, texts, metric, pair))
    written = write_report(document, out)
    console = Console(stderr=as_json, markup=False)
    for line in document.warnings:
        console.print(line, style="yellow", markup=False, highlight=False)
    for sentence in document.sections[0].text:
        console.print(sentence, markup=False, highlight=False)
    console.print(f"report: {out / PAGE} ({len(written)} files)", highlight=False, soft_wrap=True)
    if as_json:
        json.dump(document.facts, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
