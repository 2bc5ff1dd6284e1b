"""Paths that a caller gives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import UsageError


def path_of(given: object, name: str) -> Path:
    """The path given as the argument `name`. Raises UsageError for what is no path."""
    if isinstance(given, str | os.PathLike):
        return Path(given)
    raise UsageError(f"{name}: found {shown(given)}; expected a path, as text or as a Path")


def paths_of(given: object, name: str) -> list[Path]:
    """One path, or several. Raises UsageError as above."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return [path_of(given, name)]
    return [path_of(each, name) for each in given]


def shown(given: object) -> str:
    """A wrong value in a message."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    return f"{given!r:.80} ({type(given).__name__})"
