"""harness inspect: a run's latent thoughts over its texts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from harness.blame import blaming
from harness.cli.jobs import method_named, plugins
from harness.cli.screen import print_json, screen, warn
from harness.errors import UsageError


def inspect(
    run: Path,
    /,
    example: list[str] | None = None,
    limit: int = 1,
    of: Literal["text", "reference"] = "text",
    no_texts: bool = False,
    out: Path | None = None,
    plugin: list[Path] | None = None,
    json_: bool = False,
) -> None:
    """Look at a run's latent thoughts over its texts. Shows each thought's nearest tokens, and how
    far it moves the next token. Needs the trained weights, which `harness run` keeps.

    Args:
        run: a run's folder, or a folder above a single run
        example (ID): an example's id, or several; default the first
        limit: without --example, the first N examples
        of (text|reference): the text as generated, or the reference
        no_texts: leave out all texts, for data that must not be published
        out: folder for the page
    """
    from harness.progress import Bars
    from harness.record import only_run, read_record
    from harness.reports.inspected.inspect_page import write_inspection
    from harness.reports.inspected.tables import most_moved, sentence, tables
    from harness.reports.render.terminal import print_table

    if limit < 1:
        raise UsageError(f"--limit {limit}; expected at least 1")
    folder = only_run(run)
    if folder is None:
        raise UsageError(f"several runs in {run}; expected one. `harness runs {run}` lists them")
    record = read_record(folder)
    if record.no_method:
        raise UsageError(f"{folder}: {record.no_method}; expected a run of a method with thoughts")
    method = record.method
    factory = method_named(method, plugins(plugin))
    from harness.pipeline.inspection import Choice
    from harness.pipeline.inspection import inspect as inspected

    with blaming(method, factory):
        found = inspected(folder, Choice(tuple(example or ()), limit, of), factory, Bars())
    if no_texts:
        found = found.without_texts()
    console = screen(stderr=json_)
    written = write_inspection(found, out) if out is not None else []
    if json_:
        print_json(asdict(found))
    else:
        console.print(sentence(found))
        warn(console, found.notes)
        for table in [*map(most_moved, found.examples[:1]), *tables(found)]:
            print_table(console, table)
    if written:
        console.print(f"page: {written[0]}", soft_wrap=True)
    elif not json_:
        console.print("--out FOLDER writes a page with every thought over its text", style="dim")
