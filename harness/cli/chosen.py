"""Command options → settings, for the verbs that run methods or read a run's data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.registry import METHODS, find, load_plugin, table
from harness.settings import RunSettings, build_settings


def given(
    *,
    data: str | None,
    setting: str | None,
    backbone: str | None,
    reasoner: str | None,
    limit: int | None = None,
    train_limit: int | None = None,
) -> dict[str, Any]:
    """Options that several verbs share, section by section."""
    return {
        "data": {"source": data, "setting": setting, "limit": limit, "train_limit": train_limit},
        "model": {"backbone": backbone, "reasoner": reasoner},
    }


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the user gave, by section."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            kept[key] = without_none(value)
        elif value is not None:
            kept[key] = value
    return kept


def plugins(paths: list[Path]) -> dict[str, Any]:
    """Methods of plugin files by name. Raises UsageError if a name is taken."""
    found: dict[str, Any] = {}
    for path in paths:
        method = load_plugin(path)
        if method.name in found or method.name in table("method"):
            known = table("method").get(method.name)
            origin = known.origin if known else "another --plugin"
            raise UsageError(
                f"--plugin {path}: a method called {method.name!r} exists already ({origin});"
                " rename one"
            )
        found[method.name] = method
    return found


def methods(name: str, plugged: Mapping[str, Any]) -> dict[str, Any]:
    """The methods to run, by name; `all` means the built-in ones."""
    if name == "all":
        return {each: find("method", each) for each in METHODS}
    return {name: plugged[name] if name in plugged else find("method", name)}


def tasks(name: str) -> list[str]:
    """The tasks to run; `all` means the built-in ones. Raises UsageError for an unknown one."""
    from harness.registry import BUILT_IN

    if name == "all":
        return list(BUILT_IN["task"])
    find("task", name)
    return [name]


def settings_for(
    preset: str,
    method: str,
    factory: Any,
    task: str,
    options: Mapping[str, Any],
    lam: float | None,
    assignments: list[str],
) -> RunSettings:
    """One run's settings.

    preset, method, task: names of each.
    factory: the method; None skips the check of `lam`, for settings that ran before.
    options, assignments: given options by section, and `--set`.
    lam: `--lam`; raises UsageError if the method has no option `lam`.
    """
    values = without_none({**options, "task": task})
    if lam is not None:
        options_of = getattr(factory, "Options", RunSettings)
        if factory is not None and "lam" not in options_of.model_fields:
            raise UsageError(
                f"--lam {lam}: method {method!r} has no option lam (the weight of thoughts);"
                " leave it out, or run --method flythinker"
            )
        values["method"] = {"lam": lam}
    settings = build_settings(preset, method, assignments, values)
    if preset == "smollm2" and settings.data.source == "mini":
        raise UsageError("preset smollm2 needs --data: a folder of JSON Lines, or hub")
    return settings
