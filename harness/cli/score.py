"""harness score: score predictions made elsewhere with the same metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.options import Json, Setting
from harness.cli.screen import print_json, screen
from harness.errors import DataError, UsageError
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.settings import RunSettings, merge, parse_assignment, validate
from harness.types import SplitData

READ = ("data", "eval")
ROW = '{"id": "…", "output": "…"}'


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
    """Score predictions made elsewhere."""
    from harness.cli.record_rows import VALUE, number, remark
    from harness.data import load_split
    from harness.engine.quiet import quiet_libraries
    from harness.run.evaluate.texts import score_texts

    quiet_libraries()
    settings = _settings(task, data, setting, metrics, set_ or [])
    test = load_split(settings, split)
    texts = read_outputs(predictions, task)
    check_ids(predictions, texts, test, allow_missing)
    scores = score_texts(test, [texts], settings.eval)
    empty = sum(not texts.get(example.id, "").strip() for example in test.examples)
    n = {
        "planned": len(test.examples),
        "scored": len(test.examples),
        "empty": empty,
        "failed": len(test.examples) - len(texts),
    }
    code = 1 if n["failed"] else 0
    if json_:
        found = {
            name: {key: getattr(score, key) for key in ("value", "low", "high", "signature")}
            | {key: getattr(score, key) for key in ("missing", "unseen") if getattr(score, key)}
            for name, score in scores.metrics.items()
        }
        print_json({"metrics": found, "n": n})
        raise typer.Exit(code)
    columns = (Column("metric"), Column(VALUE, kind="number"), Column("signature"))
    rows = tuple(
        (name, number(score), remark(score, score.signature))
        for name, score in scores.metrics.items()
    )
    console = screen()
    print_table(console, Table("scores", f"{predictions} on {task} {split}", columns, rows))
    console.print(" · ".join(f"{key} {count}" for key, count in n.items()))
    raise typer.Exit(code)


def _settings(
    task: str, data: str, setting: str | None, metrics: str | None, assignments: Sequence[str]
) -> RunSettings:
    values: dict[str, Any] = {"task": task, "data": {"source": data}}
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


def read_outputs(path: Path, task: str) -> dict[str, str]:
    """id → text, from lines of {"id","output"} or one LongLaMP {"task","golds":[{"id","output"}]}.

    Raises DataError naming file, line (or golds index) and field for anything else, for
    repeated ids, and for a LongLaMP file of another task.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; expected a file of predictions") from None
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for place, row in _rows(path, raw, task):
        if not isinstance(row, Mapping):
            raise DataError(
                f"{place}: found {type(row).__name__}; expected an object with id, output."
                f" Write one {ROW} for each text"
            )
        for field in ("id", "output"):
            if not isinstance(row.get(field), str):
                shown = f"found {row[field]!r:.60}" if field in row else "missing"
                raise DataError(
                    f"{place}, field {field}: {shown}; expected text. Write both fields in quotes:"
                    f" {ROW}"
                )
        if row["id"] in found:
            raise DataError(
                f"{place}: id {row['id']!r} is already at {places[row['id']]}; expected one"
                " text per example. Remove one of the two"
            )
        found[row["id"]], places[row["id"]] = row["output"], place
    return found


def _rows(path: Path, raw: bytes, task: str) -> Iterator[tuple[str, Any]]:
    """(place, JSON value) of every prediction."""
    from harness.data import strict_json
    from harness.data.folder import numbered_lines

    whole = None
    if raw.lstrip().startswith(b"{"):
        try:
            whole = strict_json.loads(raw)
        except (json.JSONDecodeError, UnicodeDecodeError):
            whole = None  # more than one line, each parsed below
        except ValueError as error:
            raise DataError(
                f"{path}: {error}; expected JSON with no key repeated. Correct the file"
            ) from None
    if isinstance(whole, dict) and "golds" in whole:
        named = str(whole.get("task", ""))
        if named and named != task and not named.startswith(task):
            raise DataError(
                f"{path}: predictions of task {named!r}; expected {task!r}. Give its task"
                " with --task, or another file"
            )
        if not isinstance(whole["golds"], list):
            raise DataError(
                f"{path}, field golds: found {type(whole['golds']).__name__}; expected a list of"
                f" objects with id, output. Write [{ROW}, …]"
            )
        for index, row in enumerate(whole["golds"]):
            yield f"{path} golds[{index}]", row
        return
    for number, value in numbered_lines(raw.split(b"\n"), path):
        yield f"{path} line {number}", value


def check_ids(path: Path, texts: Mapping[str, str], test: SplitData, allow_missing: bool) -> None:
    """Raises DataError if an id is not in the split, or if an example has no text."""
    unknown = [key for key in texts if key not in test.references]
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} ids are not in the {test.split} split, e.g. {unknown[0]!r};"
            f" its ids look like {test.examples[0].id!r} (`harness list examples --json`)"
        )
    missing = [example.id for example in test.examples if example.id not in texts]
    if missing and not allow_missing:
        raise DataError(
            f"{path}: {len(missing)} of {len(test.examples)} examples have no prediction, e.g."
            f" {missing[0]!r}; --allow-missing scores them as empty"
        )
