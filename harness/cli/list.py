"""harness list: names with their origin, every setting of the presets, a split's examples."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console

from harness.cli.options import Data, Debug, Json, Setting, print_json
from harness.errors import UsageError
from harness.registry import find, table
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.settings import PRESETS, DataSettings, RunSettings, load_preset, validate

KINDS = ("methods", "options", "tasks", "metrics", "presets", "examples")


def list_(
    what: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="methods, options, tasks, metrics, presets, examples"),
    ],
    data: Data = None,
    task: Annotated[str, typer.Option(help="for examples: the task's name")] = "product_review",
    split: Annotated[str, typer.Option(help="for examples: train, val or test")] = "test",
    setting: Setting = None,
    json_: Json = False,
    debug: Debug = False,
) -> None:
    """List methods, options, tasks, metrics, presets or examples. `presets` shows every setting
    with its meaning, `options` each method's own."""
    if what not in KINDS:
        raise UsageError(f"list got {what!r}; expected one of {', '.join(KINDS)}")
    rows: list[dict[str, Any]]
    clashes: list[str] = []
    if what == "examples":
        rows = _examples(data or "mini", task, split, setting)
    elif what == "presets":
        rows = settings_table()
    elif what == "options":
        rows = options_table()
    else:
        kind = what.removesuffix("s")
        entries = table(kind).values()
        clashes = [each.clash(kind) for each in entries if each.rivals]
        rows = [
            {"name": e.name, "origin": " and ".join((e.origin, *e.rivals)), "module": e.target}
            for e in entries
        ]
    if json_:
        print_json(rows)
    else:
        columns = tuple(map(Column, rows[0] if rows else ["nothing"]))
        cells = tuple(tuple(map(_cell, row.values())) for row in rows)
        rules = what in ("presets", "options")
        print_table(Console(), Table(what, "", columns, cells), lines=rules)
    if clashes:  # after everything else is shown
        raise UsageError("\n".join(clashes))


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 400 else text[:400] + " …"


def _examples(data: str, task: str, split: str, setting: str | None) -> list[dict[str, Any]]:
    from harness.data import load_split
    from harness.engine.quiet import quiet_libraries

    quiet_libraries()
    values = {"source": data, **({"setting": setting} if setting else {})}
    settings = RunSettings(task=task, data=validate(DataSettings, values, "--data, --setting"))
    found = load_split(settings, split)
    return [{"id": e.id, "user_id": e.user_id, "input": e.input} for e in found.examples]


def settings_table() -> list[dict[str, Any]]:
    """Every setting by its --set name, with its meaning and its value in each preset."""
    presets = {name: validate(RunSettings, _shared(name)) for name in PRESETS}
    rows = []
    for key, field in _fields(RunSettings):
        values = {}
        for name, settings in presets.items():
            value: Any = settings
            for part in key.split("."):
                value = getattr(value, part)
            values[name] = list(value) if isinstance(value, tuple) else value
        rows.append({"setting": key, "meaning": field, **values})
    return rows


def options_table() -> list[dict[str, Any]]:
    """Every method's own options by their --set names, with meaning and default.

    A broken method has one row with its error.
    """
    rows: list[dict[str, Any]] = []
    for name in table("method"):
        try:
            options = getattr(find("method", name), "Options", None)
        except UsageError as error:
            rows.append({"method": name, "option": "", "default": "", "meaning": str(error)})
            continue
        fields = options.model_fields if options else {}
        if not fields:
            rows.append({"method": name, "option": "", "default": "", "meaning": "no options"})
        for key, info in fields.items():
            default = list(info.default) if isinstance(info.default, tuple) else info.default
            row = {"option": f"method.{key}", "default": default, "meaning": info.description}
            rows.append({"method": name, **row})
    return rows


def _shared(name: str) -> dict[str, Any]:
    values = load_preset(name)
    values.pop("for", None)
    return values


def _fields(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += _fields(inner, f"{name}.")
        elif name not in ("preset", "method"):
            found.append((prefix + name, info.description or ""))
    return found
