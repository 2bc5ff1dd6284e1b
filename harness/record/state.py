"""State files of a run: written atomically; a damaged one is reported and counts as absent.

A run can be interrupted at any time, and its files can be damaged by a full disk. Whatever a state
file held is work that can be done again, so a reader never stops a run: it says what is lost.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO, TypeVar

from harness.errors import DataError
from harness.record.durable import named, sync, sync_path, write_text
from harness.record.reading import from_json

T = TypeVar("T")
Say = Callable[[str], None]
"""Where messages go, e.g. `Bars.say`."""
DAMAGED = "damaged, so its work is done again"
MISSING = "missing, so its work is done again"
NO_TIMES = "damaged, so the times in it are lost"
SEAL = re.compile(rb'\{"sha256": "([0-9a-f]{64})", "value": (.*)\}\n?', re.DOTALL)
"""A sealed value: its JSON, after the sha256 of that."""


def write_json(path: Path, value: object) -> Path:
    """`value` as indented JSON, dataclasses as objects. Raises ValueError for NaN and infinity."""
    return write_text(path, _json(value, 1) + "\n")


def write_state(path: Path, value: object) -> Path:
    """A state file: `value` with its checksum. Raises ValueError for NaN and infinity."""
    return write_text(path, sealed(value))


def read_state(kind: type[T], path: Path, say: Say, lost: str = DAMAGED) -> T | None:
    """What a state file holds; None if it is absent or damaged.

    say: takes a message about a damaged file, which is removed, so that it is said once.
    lost: what the damage means.

    A file without a checksum, of an earlier version, is read as it is.
    """
    if not path.is_file():
        return None
    try:
        return from_json(kind, _opened(path.read_bytes(), str(path)), str(path))
    except (DataError, OSError) as error:
        with suppress(OSError):
            path.unlink()
        say(f"{lost}: {error}")
        return None


def read_word(path: Path) -> str:
    """The text of a one-line file; "" if it is absent or damaged."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def sealed(value: object) -> str:
    """A line with `value` and its checksum. Raises ValueError for NaN and infinity."""
    text = _json(value, None)
    return f'{{"sha256": "{hashlib.sha256(text.encode()).hexdigest()}", "value": {text}}}\n'


def _opened(content: bytes, place: str) -> bytes:
    """The JSON of a sealed value; anything else as it is. Raises DataError where they disagree."""
    seal = SEAL.fullmatch(content)
    if seal is None:
        return content
    if hashlib.sha256(seal[2]).hexdigest().encode() != seal[1]:
        raise DataError(f"{place}: its content is not that of its checksum")
    return seal[2]


def write_lines(path: Path, values: Iterable[object]) -> None:
    """Replace a file of JSON Lines."""
    write_text(path, "".join(map(_line, values)))


def append_lines(path: Path, values: Iterable[object], *, seal: bool = False) -> None:
    """Add lines to a file of JSON Lines and make sure that they are on disk.

    seal: give each line a checksum.

    What an interruption left of a last line is removed, or it would spoil the first new one.
    """
    new = not path.exists()
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            _end_last_line(file)
            file.writelines(map(str.encode, map(sealed if seal else _line, values)))
            sync(file)
    if new:
        sync_path(path.parent)


def _end_last_line(file: BinaryIO) -> None:
    """End a last line that lacks only its newline; remove one that was cut short."""
    size = file.seek(0, SEEK_END)
    file.seek(max(0, size - 1))
    if file.read() in (b"", b"\n"):
        return
    file.seek(0)
    last = file.read().rpartition(b"\n")[2]
    try:
        json.loads(last)
    except ValueError:
        file.truncate(size - len(last))
    else:
        file.write(b"\n")


def read_lines(kind: type[T], path: Path, say: Say | None = None) -> list[T]:
    """The lines of a file, without a last one that an interruption cut short.

    say: a damaged line is left out with a message, and removed from the file. Without `say` it
        raises DataError, naming file and line.
    """
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")
    found, whole, lost = list[T](), list[bytes](), bool(lines[-1])
    for number, line in enumerate(lines, 1):
        place = f"{path} line {number}"
        if not line:
            continue
        try:
            found.append(from_json(kind, _opened(line, place), place))
            whole.append(line)
        except DataError as error:
            lost = True
            if number == len(lines):  # no newline: its writing was interrupted
                break
            if say is None:
                raise
            say(f"{DAMAGED}: {error}")
    if say is not None and lost:
        write_text(path, "".join(f"{line.decode()}\n" for line in whole))
    return found


def _json(value: object, indent: int | None) -> str:
    return json.dumps(
        value, indent=indent, ensure_ascii=False, allow_nan=False, default=dataclasses.asdict
    )


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=dataclasses.asdict) + "\n"
