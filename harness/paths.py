"""The harness's cache folder, for files that can be made again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_dir() -> Path:
    """$HARNESS_CACHE, else `flythinker-harness` in $XDG_CACHE_HOME, else in ~/.cache."""
    if own := os.environ.get("HARNESS_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "flythinker-harness"


def make_folder(target: Path, fill: Callable[[Path], object]) -> None:
    """`target` with what `fill` puts into a draft folder: complete, or absent.

    If another process makes it at the same time, the first one stays. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".draft-") as place:
        draft = Path(place) / target.name
        draft.mkdir()
        fill(draft)
        if not target.exists():
            draft.rename(target)
