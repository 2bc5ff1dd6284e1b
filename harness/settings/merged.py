"""A preset, command-line options and --set assignments → validated RunSettings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import UsageError, did_you_mean
from harness.settings.flat import flat, merge, nested
from harness.settings.run_file import is_file_name, read_preset_file
from harness.settings.sections import PRESETS, DataSettings, RunSettings
from harness.settings.toml_text import toml_value
from harness.settings.wrong import Where, explain, refuse_plain_sections

S = TypeVar("S", bound=BaseModel)
OPTION_KEYS = {
    "task": "task",
    "data": "data.source",
    "setting": "data.setting",
    "limit": "data.limit",
    "train_limit": "data.train_limit",
    "backbone": "model.backbone",
    "reasoner": "model.reasoner",
    "lam": "method.lam",
    "track": "track.to",
}
"""The setting that an option of the command line, or of `harness.run`, gives."""
NEEDS_DATA = "needs_data"
"""A preset's key for what to give as --data, where the built-in benchmark does not fit it."""


def load_preset(name: str, above: Sequence[str] = ()) -> dict[str, Any]:
    """The preset's sections as nested dictionaries, and the name of the built-in `preset` in it.

    name: a built-in preset, or a file of one's own, which changes a preset (by default mini).
    above: the files that led to this one.

    Raises UsageError for an unknown name, and for a file that is no preset.
    """
    if is_file_name(name):
        if name in above:
            raise UsageError(f"{name}: a preset that builds on itself; name another `preset` in it")
        beneath, changes = read_preset_file(Path(name))
        return merge(load_preset(beneath or RunSettings().preset, [*above, name]), changes)
    return {
        "preset": name,
        **{key: value for key, value in _preset(name).items() if key != NEEDS_DATA},
    }


def data_needed(name: str) -> str | None:
    """What a preset needs as --data, because the built-in benchmark does not fit it."""
    found: str | None = _preset(name).get(NEEDS_DATA)
    return found


def _preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        hint = did_you_mean(name, PRESETS)
        raise UsageError(
            f"no preset {name!r}.{hint} Known: {', '.join(PRESETS)}; or a file NAME.toml"
        )
    return tomllib.loads((files("harness.settings.presets") / f"{name}.toml").read_text("utf-8"))


def parse_value(text: str) -> Any:
    """The value of an assignment: TOML if possible, else the text itself; None for `none`."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, a number of 5,000 digits, deep brackets
        return {"none": None}.get(text.strip().lower(), text.strip())


def parse_assignment(text: str) -> dict[str, Any]:
    """`a.b=c` → {"a": {"b": c}}."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set got {text!r}; expected section.key=value, e.g. train.epochs=1")
    return nested({key.strip(): parse_value(value)})


def assignment(key: str, value: Any) -> str:
    """The inverse of `parse_assignment`, e.g. `train.lr=0.001`."""
    return f"{key}={'none' if value is None else toml_value(value)}"


def option_values(
    options: Mapping[str, Any], preset: str, base: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The settings that options give, by dotted name.

    options: by their names in OPTION_KEYS; None where not given.
    preset: name of the preset, or its file.
    base: settings that the options override.

    A limit on training limits val too, which only training reads, unless the preset or `base` has
    a smaller one. Raises UsageError for a limit that is none.
    """
    given = {OPTION_KEYS[name]: value for name, value in options.items() if value is not None}
    limit = {"train_limit": given.get("data.train_limit")}
    if most := validate(RunSettings, {"data": limit}).data.train_limit:
        values = merge(load_preset(preset), base or {})
        own = validate(RunSettings, {"data": values.get("data", {})}).data.val_limit
        given["data.val_limit"] = min(own or most, most)
    return given


def build_settings(
    preset: str, assignments: Iterable[str] = (), options: Mapping[str, Any] | None = None
) -> RunSettings:
    """The settings of one run. Later sources override earlier ones.

    preset: name of the preset, or its file.
    assignments: of --set.
    options: of the command line; assignments override them.

    Raises UsageError naming the key, what was found and what was expected.
    """
    sources = [options or {}, *map(parse_assignment, assignments)]
    settings = validate(RunSettings, joined(load_preset(preset), sources))
    for key, value in flat({"model.template_args": settings.model.template_args}):
        if None in (value if isinstance(value, list) else [value]):  # no run file can hold it
            raise UsageError(
                f"settings: {key} = none; expected a value. Leave it out, or quote the text:"
                f" --set '{key}=\"none\"'"
            )
    needed = data_needed(settings.preset)
    if needed and settings.data.source == DataSettings().source:
        raise UsageError(f"preset {settings.preset} needs --data: {needed}")
    return settings


def settings_in(
    sections: Sequence[str], values: Mapping[str, Any], assignments: Sequence[str], verb: str
) -> RunSettings:
    """The settings of a verb that reads only some sections.

    sections: their names.
    values: settings that options give, nested; assignments override them.
    assignments: of --set.
    verb: the verb's name, for messages.

    Raises UsageError for a wrong setting, and for one of another section.
    """
    changes = list(map(parse_assignment, assignments))
    for text, change in zip(assignments, changes, strict=True):
        if not change.keys() <= set(sections):
            raise UsageError(
                f"--set {text}: {verb} reads settings of {' and '.join(sections)} only"
            )
    return validate(RunSettings, joined(values, changes))


def joined(base: Mapping[str, Any], sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """`base` with each of the sources on top. Raises UsageError for a plain value in a section's
    place."""
    values = dict(base)
    for source in sources:
        refuse_plain_sections(RunSettings, source)
        values = merge(values, source)
    return values


def validate(model: type[S], values: Mapping[str, Any], where: Where = "settings") -> S:
    """`values` as a `model`; a pydantic error becomes one readable UsageError that says `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError(explain(model, error.errors(), where)) from None
