"""The committed sizes of LongLaMP's public tasks, so that nothing has to be downloaded to plan."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from harness.settings import RunSettings


@dataclass(frozen=True)
class Sizes:
    """Rows of each split; words of an input and of a target, entries of a profile, on average."""

    train: int
    val: int
    test: int
    given: int
    target: int
    entries: int


def longlamp_sizes(task: str, setting: str) -> Sizes | None:
    """The sizes of a public task; None for another task, and for the temporal setting."""
    return Sizes(**_table()[task]) if setting == "user" and task in _table() else None


def public_sizes(settings: RunSettings) -> Sizes | None:
    """The sizes of a run's data where they are LongLaMP's on the hub; None for other data."""
    if settings.data.source != "hub":
        return None
    return longlamp_sizes(settings.task, settings.data.setting)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("harness.data") / "longlamp.toml").read_text("utf-8"))
