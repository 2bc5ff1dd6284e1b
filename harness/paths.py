"""The harness's cache folder, for files that can be made again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.errors import UsageError


def cache_dir() -> Path:
    """$HARNESS_CACHE, else `flythinker-harness` in $XDG_CACHE_HOME, else in ~/.cache.

    A user without a home has it in the folder of temporary files.
    """
    if own := os.environ.get("HARNESS_CACHE"):
        return expanded(own)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "flythinker-harness"
    try:
        return Path.home() / ".cache" / "flythinker-harness"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"flythinker-harness-{os.getuid()}"


def expanded(text: str | Path) -> Path:
    """A path as typed, with ~ replaced by the home where there is one."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def refuse_file(out: Path) -> Path:
    """The folder of `--out`, new or existing. Raises UsageError if it is a file."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; expected a folder, new or existing")
    return out


DRAFT = ".draft-"
"""What the names of folders begin with in which `make_folder` works; a killed one leaves its."""


def make_folder(target: Path, fill: Callable[[Path], object]) -> None:
    """`target` with what `fill` puts into a draft folder: complete, or absent.

    If another process makes it at the same time, the first one stays. Raises OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=DRAFT) as place:
        draft = Path(place) / target.name
        draft.mkdir()
        fill(draft)
        try:
            draft.rename(target)
        except OSError:
            if not target.exists():
                raise
