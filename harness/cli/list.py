"""harness list: names with their origin, every setting of the presets, a split's examples."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from harness.cli.jobs import plugins
from harness.cli.options import TASK
from harness.cli.screen import print_json, print_rows
from harness.errors import UsageError
from harness.inputs.meaning import meaning_of
from harness.metrics import FAMILIES
from harness.registry import Entry, find, known, known_methods
from harness.settings import (
    PRESETS,
    EvalSettings,
    RunSettings,
    data_needed,
    fields_of,
    load_preset,
    validate,
)
from harness.settings.flat import nested
from harness.settings.merged import settings_in

Row = dict[str, Any]
KINDS = ("methods", "options", "tasks", "metrics", "presets", "examples")


def list_(
    what: str,
    /,
    data: str | None = None,
    task: str = TASK,
    split: str = "test",
    setting: str | None = None,
    set_: list[str] | None = None,
    plugin: list[Path] | None = None,
    json_: bool = False,
) -> None:
    """List methods, options, tasks, metrics, presets or examples. `presets` shows every setting
    with its meaning, `options` each method's own.

    Args:
        what: methods, options, tasks, metrics, presets, examples
        task: for examples: the task's name
        split: for examples: train, val or test
        set_ (KEY=VALUE): for examples: settings of data, e.g. data.on_leak=drop
    """
    if what not in KINDS:
        raise UsageError(f"list got {what!r}; expected one of {', '.join(KINDS)}")
    plugins(plugin)
    clashes: list[str] = []
    if what == "examples":
        given = {"task": task, "data.source": data, "data.setting": setting}
        values = {key: value for key, value in given.items() if value is not None}
        rows = _examples(settings_in(("data",), nested(values), set_ or (), "list"), split)
    elif what == "presets":
        rows = settings_table()
    elif what == "options":
        rows = options_table()
    else:
        kind = what.removesuffix("s")
        entries = known(kind).values()
        rows = [_named(kind, each) for each in entries]
        rows += [*_families(), *_views()] if kind == "metric" else []
        clashes = [each.clash(kind) for each in entries if each.rivals]
    if json_:
        print_json(rows)
    else:
        shown = [{key: row[key] for key in row if key != "module"} for row in rows]
        print_rows(what, shown, lines=what in ("presets", "options"))
    if clashes:  # after everything else is shown
        raise UsageError("\n".join(clashes))


def _named(kind: str, entry: Entry) -> Row:
    """One name: what it means, and the package that registers it."""
    origins = " and ".join((entry.origin, *entry.rivals))
    meaning = meaning_of(kind, entry.target)
    return {"name": entry.name, "meaning": meaning, "from": origins, "module": entry.target}


QUERIES = {
    "evaluate": "evaluate:NAME", "style": "style:FOLDER", "bertscore": "bertscore:FOLDER?layer=N",
}  # fmt: skip
"""Prefix of a family of metrics → how its names are spelled."""


def _families() -> list[Row]:
    """Metrics that are named with what they need."""
    return [
        {
            "name": QUERIES[prefix],
            "meaning": meaning_of("metric", target),
            "from": "built in; off by default",
            "module": target,
        }
        for prefix, target in FAMILIES.items()
    ]


VIEWS = {
    "NLL": "likelihood", "lift": "lift", "continuation": "forced",
    "author identification": "authors", "thought replacement": "controls",
}  # fmt: skip
"""What a run also evaluates, besides metrics → the setting in `eval`, whose help explains it."""


def _views() -> list[Row]:
    """The views of `list metrics`."""
    fields = EvalSettings.model_fields
    return [
        {
            "name": name,
            "meaning": " ".join((fields[setting].description or "").split()),
            "from": f"eval.{setting}, default {_shown(fields[setting].default)}",
            "module": None,
        }
        for name, setting in VIEWS.items()
    ]


def _shown(value: Any) -> str:
    """A default as `--set` takes it."""
    return "none" if value in ((), None) else str(value).lower()


def _examples(settings: RunSettings, split: str) -> list[Row]:
    from harness.data import load_split

    found = load_split(settings, split)
    return [{"id": e.id, "user_id": e.user_id, "input": e.input} for e in found.examples]


def settings_table() -> list[Row]:
    """Every setting by its --set name, with its meaning and its value in each preset."""
    presets = {name: validate(RunSettings, load_preset(name)) for name in PRESETS}
    needed = {name: f"needs --data: {what}" for name in PRESETS if (what := data_needed(name))}
    return [
        {
            "setting": key,
            "meaning": " ".join((field.description or "").split()),
            **{
                name: needed.get(name)
                if key == "data.source" and name in needed
                else _plain(reduce(getattr, key.split("."), settings))
                for name, settings in presets.items()
            },
        }
        for key, field in fields_of(RunSettings).items()
        if key not in ("preset", "method")
    ]


def options_table() -> list[Row]:
    """Every method's own options by their --set names, with meaning and default.

    A broken method has one row with its error.
    """
    rows: list[Row] = []
    for name in known_methods():
        nothing = {"method": name, "option": "", "default": ""}
        try:
            options = getattr(find("method", name), "Options", None)
        except UsageError as error:
            rows.append({**nothing, "meaning": str(error)})
            continue
        rows += [
            {
                "method": name,
                "option": f"method.{key}",
                "default": _plain(info.default),
                "meaning": info.description,
            }
            for key, info in (options.model_fields if options else {}).items()
        ] or [{**nothing, "meaning": "no options"}]
    return rows


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
