"""A run whose inputs changed: its old folder is kept, with the date in its name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

DATED = re.compile(r".+\.\d{4}-\d\d-\d\dT\d{6}Z(-\d+)?")


def dated(folder: Path) -> Path:
    """A free folder name: the run's name, and the UTC time at which it was replaced."""
    name = f"{folder.name}.{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    found, count = folder.with_name(name), 2
    while found.exists():
        found, count = folder.with_name(f"{name}-{count}"), count + 1
    return found


def is_dated(folder: Path) -> bool:
    """Whether a folder holds an old run, from before its inputs changed."""
    return DATED.fullmatch(folder.name) is not None


def beside(folder: Path) -> Path:
    """Where the method of a new run stores things while the old one is still in the folder."""
    return folder.with_name(f".{folder.name}.next")


def move_aside(folder: Path) -> Path:
    """Rename a run's folder to its dated name; returns the new path."""
    place = dated(folder)
    folder.rename(place)
    return place
