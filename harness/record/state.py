"""State files of a run: written atomically; a damaged one is reported and counts as absent.

A run can be interrupted at any time, and its files can be damaged by a full disk. Whatever a state
file held is work that can be done again, so a reader never stops a run: it says what is lost.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from harness.errors import DataError
from harness.record.reading import from_json

T = TypeVar("T")
Say = Callable[[str], None]
"""Where messages go, e.g. `Bars.say`."""


def write_text(path: Path, text: str) -> Path:
    """Replace the file at `path` as a whole: written beside it, flushed to disk, then moved."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def write_json(path: Path, value: object) -> Path:
    """`value` as indented JSON, dataclasses as objects. Raises ValueError for NaN and infinity."""
    text = json.dumps(
        value, indent=1, ensure_ascii=False, allow_nan=False, default=dataclasses.asdict
    )
    return write_text(path, text + "\n")


def read_state(kind: type[T], path: Path, say: Say) -> T | None:
    """What a state file holds; None if it is absent or damaged.

    A damaged file is removed with a message, so that its work is done again and it is said once.
    """
    if not path.is_file():
        return None
    try:
        return from_json(kind, path.read_bytes(), str(path))
    except DataError as error:
        path.unlink()
        say(f"damaged, so its work is done again: {error}")
        return None


def write_lines(path: Path, values: Iterable[object]) -> None:
    """Replace a file of JSON Lines."""
    write_text(path, "".join(map(_line, values)))


def append_lines(path: Path, values: Iterable[object]) -> None:
    """Add lines to a file of JSON Lines and make sure that they are on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(map(_line, values))
        file.flush()
        os.fsync(file.fileno())


def read_lines(kind: type[T], path: Path, say: Say | None = None) -> list[T]:
    """The lines of a file, without a last one that an interruption cut short.

    say: a damaged line is left out with a message, and removed from the file. Without `say` it
        raises DataError, naming file and line.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")
    found, lost = list[T](), bool(lines[-1])
    for number, line in enumerate(lines, 1):
        try:
            found += [from_json(kind, line, f"{path} line {number}")] if line else []
        except DataError as error:
            lost = True
            if number == len(lines):  # no newline: its writing was interrupted
                break
            if say is None:
                raise
            say(f"damaged, so its work is done again: {error}")
    if say is not None and lost:
        write_lines(path, found)
    return found


def drop_partial_line(path: Path) -> None:
    """Remove a last line that an interruption cut short, before others are appended."""
    if path.is_file():
        whole = path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        if kept != whole:
            with path.open("r+b") as file:
                file.truncate(len(kept))


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=dataclasses.asdict) + "\n"
