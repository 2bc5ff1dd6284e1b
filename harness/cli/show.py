"""harness show: one example of a run, with prompt, reference, predictions and scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from harness.cli.chosen import plugins
from harness.cli.options import Debug, Plugin
from harness.engine.quiet import quiet_libraries
from harness.errors import UsageError
from harness.record import ExampleValues, Record, read_predictions, read_record
from harness.registry import blaming, find, table
from harness.settings import RunSettings, validate
from harness.types import SplitData


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run's folder")],
    example: Annotated[str | None, typer.Option(help="an example's id; default the first")] = None,
    against: Annotated[Path | None, typer.Option(help="another run to show as well")] = None,
    prompt: Annotated[bool, typer.Option("--prompt/--no-prompt", help="print the prompt")] = True,
    plugin: Plugin = None,
    debug: Debug = False,
) -> None:
    """Show one example of a run. Prints its prompt, reference, predictions and scores."""
    plugged = plugins(plugin or [])
    quiet_libraries()
    from harness.data import load_split

    record = read_record(run)
    settings = validate(RunSettings, record.settings, str(run))
    split = load_split(settings, "test")
    known = [each.id for each in split.examples]
    predicted = {text.id: None for text in read_predictions(run)}
    chosen = example or next((each for each in known if each in predicted), [*predicted, *known][0])
    if chosen not in split.references and chosen not in predicted:
        raise UsageError(
            f"--example {chosen!r} is not in this run's test split; e.g. {', '.join(known[:3])}"
        )
    console = Console(markup=False)
    if record.data.test.fingerprint != split.fingerprint:
        console.print(
            f"the data of {record.data.source} has changed since this run; prompt and reference are"
            " from the current data",
            style="yellow",
            markup=False,
        )
    if chosen in split.references:
        _show_example(console, split, chosen, record, settings, plugged, prompt)
    else:
        console.print(
            f"{chosen}: no longer in the data, so it has no prompt and no reference",
            style="yellow",
            markup=False,
        )
    for place in [run, *([against] if against else [])]:
        _show_texts(console, place, chosen)


def _show_example(
    console: Console,
    split: SplitData,
    chosen: str,
    record: Record,
    settings: RunSettings,
    plugged: Mapping[str, Any],
    prompt: bool,
) -> None:
    """Print user, prompt (if `prompt` and the method is known) and reference of one example."""
    found = next(each for each in split.examples if each.id == chosen)
    console.print(f"{chosen} · user {found.user_id} · {record.task}", style="bold", markup=False)
    if prompt and record.method not in plugged and record.method not in table("method"):
        console.print(
            f"prompt: method {record.method!r} is not installed; give its file with --plugin FILE",
            style="yellow",
            markup=False,
        )
    elif prompt:
        factory = plugged.get(record.method) or find("method", record.method)
        with blaming(record.method, factory):
            views = factory(settings).prompt(found).views
        for name, text in views.items():
            console.print(Panel(Text(text), title=f"prompt ({name})", title_align="left"))
    reference = split.references[chosen].text
    console.print(Panel(Text(reference), title="reference", title_align="left"))


def _show_texts(console: Console, folder: Path, example: str) -> None:
    record = read_record(folder)
    texts = [text for text in read_predictions(folder) if text.id == example]
    if not texts:
        console.print(f"{folder}: no prediction for {example}", style="yellow", markup=False)
    for text in texts:
        title = f"{record.method} ({record.run_id}), sample {text.sample}, {text.tokens} tokens"
        if text.preface:
            console.print(Panel(Text(text.preface), title="hidden preface", title_align="left"))
        shown = text.output or f"(empty{': ' + text.error if text.error else ''})"
        console.print(Panel(Text(shown), title=title, title_align="left"))
    values = record.examples.get(example, ExampleValues())
    line = "   ".join(
        f"{name} {value:.2f}" for name, value in values.numbers.items() if value is not None
    )
    console.print(line, style="dim", highlight=False)
