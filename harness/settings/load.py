"""A preset, command-line options and --set assignments → validated RunSettings."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import UsageError
from harness.settings.sections import PRESETS, RunSettings
from harness.settings.wrong import explain

S = TypeVar("S", bound=BaseModel)


def load_preset(name: str) -> dict[str, Any]:
    """The preset's sections as nested dictionaries. Raises UsageError for an unknown name."""
    if name not in PRESETS:
        near = get_close_matches(name, PRESETS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no preset {name!r}.{hint} Known: {', '.join(PRESETS)}")
    return tomllib.loads((files("harness.settings.presets") / f"{name}.toml").read_text("utf-8"))


def parse_assignment(text: str) -> tuple[list[str], Any]:
    """`a.b=c` → (["a", "b"], c). The value is parsed as TOML if possible, else taken as text."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set got {text!r}; expected section.key=value, e.g. train.epochs=1")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = {"none": None}.get(value.strip().lower(), value.strip())
    return key.strip().split("."), parsed


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, section by section."""
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            merged[key] = merge(inner, value)
        else:
            merged[key] = value
    return merged


def build_settings(
    preset: str,
    method: str,
    assignments: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
) -> RunSettings:
    """The settings of one run. Later sources override earlier ones.

    preset: name of the preset.
    method: whose section of the preset applies.
    assignments: of --set.
    options: of the command line.

    Raises UsageError naming the key, what was found and what was expected.
    """
    values = load_preset(preset)
    own = values.pop("for", {}).get(method, {})
    values = merge(merge(values, own), {"preset": preset, **(options or {})})
    for text in assignments:
        path, value = parse_assignment(text)
        nested: Any = value
        for key in reversed(path):
            nested = {key: nested}
        values = merge(values, nested)
    return validate(RunSettings, values)


def validate(model: type[S], values: Mapping[str, Any], where: str = "settings") -> S:
    """`values` as a `model`; a pydantic error becomes one readable UsageError."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError(explain(model, error, where)) from None
