"""harness score: score predictions made elsewhere with the same metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from harness.cli.options import RESULTS, Json, Setting
from harness.cli.outcome import print_floors, print_scores
from harness.cli.screen import command_line, print_json, screen
from harness.data.floors import SKYLINE
from harness.errors import UsageError
from harness.record import Record, read_record
from harness.settings import RunSettings, merge, parse_assignment, validate

READ = ("data", "eval")


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS",
            help='file with lines of {"id","output"}, or in LongLaMP\'s format',
        ),
    ],
    data: Annotated[str, typer.Option(help="mini, hub, or a folder of JSON Lines")],
    task: Annotated[str, typer.Option(help="the task's name")],
    split: Annotated[str, typer.Option(help="train, val or test")] = "test",
    setting: Setting = None,
    name: Annotated[
        str | None, typer.Option(help="record the texts as a system of this name, for compare")
    ] = None,
    seed: Annotated[int, typer.Option(help="training seed of that system's texts")] = 0,
    out: Annotated[Path, typer.Option(help="folder for the record")] = RESULTS,
    limit: Annotated[int | None, typer.Option(help="use at most N examples, as `run` does")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="names separated by commas; default all")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="settings of data and eval, e.g. eval.tokenizer=unicode",
        ),
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing", help="score missing predictions as empty; exit code 1"),
    ] = False,
    json_: Json = False,
) -> None:
    """Score predictions made elsewhere; --name records them."""
    from harness.data import load_split
    from harness.data.outputs import outputs_for, read_outputs
    from harness.engine.quiet import quiet_libraries
    from harness.run.scored import Source, record_floors, record_texts

    quiet_libraries()
    if name is not None and split != "test":
        raise UsageError(f"--name with --split {split}: only texts of the test split are a system")
    settings = _settings(task, data, setting, metrics, limit, seed, set_ or [])
    test = load_split(settings, split)
    unlimited = settings.data.model_copy(update={"limit": None})
    whole = load_split(settings.model_copy(update={"data": unlimited}), split) if limit else test
    texts = outputs_for(predictions, read_outputs(predictions, task), test, whole, allow_missing)
    key = hashlib.sha256(predictions.read_bytes()).hexdigest()
    source = Source(_checked(name), "scored", key, command_line())
    with TemporaryDirectory() as scratch:
        results = Path(scratch) if name is None else out
        outcome = record_texts(source, texts, settings, test, results)
        floors = record_floors(settings, test, results) if settings.eval.floors else []
        beside = list(map(read_record, floors))
    record = outcome.record
    n = {key: getattr(record.n, key) for key in ("planned", "scored", "empty", "failed")}
    if json_:
        print_json(_document(record, beside) | {"n": n})
    else:
        console = screen()
        print_scores(console, record, f"{predictions} on {task} {split}")
        print_floors(console, record, beside)
        console.print(" · ".join(f"{key} {count}" for key, count in n.items()))
        if name is not None:
            console.print(f"record: {outcome.folder}", soft_wrap=True)
    raise typer.Exit(outcome.exit_code)


def _document(record: Record, floors: Sequence[Record]) -> dict[str, Any]:
    """What --json prints, besides the counts."""
    optional = ("missing", "unseen")
    return {
        "metrics": {
            name: {key: getattr(score, key) for key in ("value", "low", "high", "signature")}
            | {key: getattr(score, key) for key in optional if getattr(score, key)}
            for name, score in record.metrics.items()
        },
        "quality": {name: asdict(one) for name, one in record.quality.items()},
        "slices": {name: [asdict(one) for one in each] for name, each in record.slices.items()},
        "floors": {
            floor.method: {name: one.value for name, one in floor.metrics.items()}
            for floor in floors
        },
    }


def _checked(name: str | None) -> str:
    """The system's name. Raises UsageError for one that cannot be a folder or is taken."""
    from harness.registry import table

    if name is None:
        return "predictions"
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"--name {name!r}: expected letters, digits, - and _ only, e.g. mine-v2")
    if name in (*table("method"), SKYLINE) or name.startswith("floor-"):
        raise UsageError(f"--name {name}: a method or floor is called so; choose another name")
    return name


def _settings(
    task: str,
    data: str,
    setting: str | None,
    metrics: str | None,
    limit: int | None,
    seed: int,
    assignments: Sequence[str],
) -> RunSettings:
    values: dict[str, Any] = {"task": task, "seed": seed, "data": {"source": data, "limit": limit}}
    if setting:
        values["data"]["setting"] = setting
    if metrics:
        values["eval"] = {"metrics": metrics}
    changes = list(map(parse_assignment, assignments))
    for text, change in zip(assignments, changes, strict=True):
        ((section, inside),) = change.items()
        if section not in READ or not isinstance(inside, Mapping):
            raise UsageError(f"--set {text}: score reads settings of {' and '.join(READ)} only")
    return validate(RunSettings, reduce(merge, changes, values), "settings")
