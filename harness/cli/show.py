"""harness show: one example of a run, with prompt, reference, predictions and scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from harness.blame import blaming
from harness.cli.jobs import method_named, plugins
from harness.cli.runs import runs
from harness.cli.screen import screen, warn
from harness.errors import UsageError, counted
from harness.method import Factory
from harness.record import ExampleValues, Record, only_run, read_record, recorded_texts
from harness.registry import table
from harness.settings import RunSettings, validate
from harness.types import Example


def show(
    run: Path,
    /,
    example: str | None = None,
    against: Path | None = None,
    prompt: bool = True,
    plugin: list[Path] | None = None,
) -> None:
    """Show one example of a run. Prints its prompt, reference, predictions and scores.

    Args:
        run: a run's folder, or a folder above it; several runs below are listed
        example: an example's id; default the first
        against: another run to show as well, or a folder above it
        prompt: print the prompt
    """
    found_run = only_run(run)
    if found_run is None:
        runs(run)
        screen().print(f"several runs in {run}: name one of them", style="bold")
        return
    run, beside = found_run, only_run(against) if against else None
    if against and beside is None:
        raise UsageError(f"--against {against}: several runs; name one of them")
    plugged = plugins(plugin)
    from harness.data import load_split

    record = read_record(run)
    settings = validate(RunSettings, record.settings, str(run))
    split = load_split(settings, "test")
    known = [each.id for each in split.examples]
    predicted = {text.id: None for text in recorded_texts(run, record)}
    chosen = example or next((each for each in known if each in predicted), [*predicted, *known][0])
    if chosen not in split.references and chosen not in predicted:
        raise UsageError(
            f"--example {chosen!r} is not in this run's test split; e.g. {', '.join(known[:3])}"
        )
    console = screen()
    if record.data.test.fingerprint != split.fingerprint:
        warn(console, [
            f"the data of {record.data.source} has changed since this run; prompt and reference are"
            " from the current data"
        ])  # fmt: skip
    found = next((each for each in split.examples if each.id == chosen), None)
    if found is None:
        warn(console, [f"{chosen}: no longer in the data, so it has no prompt and no reference"])
    else:
        console.print(f"{chosen} · user {found.user_id} · {record.task}", style="bold")
        if prompt:
            _show_prompt(console, found, record, settings, plugged)
        _show(console, "reference", split.references[chosen].text)
    for place in [run, *([beside] if beside else [])]:
        _show_texts(console, place, chosen)


def _show(console: Console, title: str, text: str) -> None:
    console.print(Panel(Text(text), title=title, title_align="left"))


def _show_prompt(
    console: Console,
    example: Example,
    record: Record,
    settings: RunSettings,
    plugged: Mapping[str, Factory],
) -> None:
    """Print the prompt's views.

    console: to print on.
    example: of the current data.
    record, settings: of the run.
    plugged: methods of --plugin by name.
    """
    method = record.method
    if record.no_method:
        warn(console, [f"no prompt is known: these are {record.no_method}"])
        return
    if method not in plugged and method not in table("method"):
        warn(console, [
            f"prompt: method {method!r} is not installed; give its file with --plugin FILE"
        ])  # fmt: skip
        return
    factory = method_named(method, plugged)
    with blaming(method, factory):
        views = factory(settings).prompt(example).views
    for view, text in views.items():
        _show(console, f"prompt ({view})", text)


def _show_texts(console: Console, folder: Path, example: str) -> None:
    record = read_record(folder)
    texts = [text for text in recorded_texts(folder, record) if text.id == example]
    if not texts:
        warn(console, [f"{folder}: no prediction for {example}"])
    for text in texts:
        size = f", {counted(text.tokens, 'token')}" if text.generated else ""
        title = f"{record.method} ({record.run_id}), sample {text.sample}{size}"
        if text.preface:
            _show(console, "hidden preface", text.preface)
        _show(console, title, text.output or f"(empty{': ' + text.error if text.error else ''})")
    values = record.examples.get(example, ExampleValues())
    line = "   ".join(
        f"{name} {value:.2f}" for name, value in values.numbers.items() if value is not None
    )
    console.print(line, style="dim")
