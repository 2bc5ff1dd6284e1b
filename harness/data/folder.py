"""A split's JSON Lines, compressed or not → rows, line by line; a bad line is refused here."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from harness.data.compressed import decompressed
from harness.data.files import split_files
from harness.data.row_cache import Numbered, SplitRows, stored_rows
from harness.data.rows import data_error, parse_rows, shown
from harness.data.tasks import Task
from harness.errors import DataError
from harness.paths import expanded
from harness.record import strict_json


def task_folder(source: str, task: Task, setting: str) -> Path:
    """The folder of one task: `source`/task, `source`/task_setting, or `source` itself.

    Raises DataError if `source` is not a folder.
    """
    folder = expanded(source)
    if not folder.is_dir():
        raise data_error(
            f"data {source}",
            "a file" if folder.exists() else "no such folder",
            "mini, hub, or a folder of JSON Lines",
            "name the folder with train.jsonl, val.jsonl and test.jsonl",
        )
    subfolders = (folder / name for name in (task.name, f"{task.name}_{setting}"))
    return next((path for path in subfolders if path.is_dir()), folder)


def read_folder(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> SplitRows:
    """The rows of a split's JSON Lines, from the cache if this content was read before.

    task: which columns to expect.
    folder, split: where the file is.
    files: if given, receives the file's name and the sha256 of the bytes read.

    Raises DataError naming the file, line, example and field of the first fault.
    """
    (path,) = split_files(folder, split).paths
    with path.open("rb") as handle:  # hash and read through one handle: surely the same file
        sha256 = sha256_of(handle)
        if files is not None:
            files[path.name] = sha256

        def place(line: int) -> str:
            return f"{path} line {line}"

        def numbered() -> Numbered:
            handle.seek(0)
            lines = list[int]()

            def values() -> Iterator[tuple[str, object]]:
                for line, value in numbered_lines(decompressed(handle, path), path):
                    lines.append(line)
                    yield place(line), value

            for row in parse_rows(task, values()):
                yield lines[-1], row
            if not lines:
                raise data_error(
                    str(path), "no example", "one JSON object per line", "fill the file"
                )
            refuse_change(handle, sha256, path)

        return stored_rows(task, sha256, numbered, place)


def numbered_lines(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    """(line number from 1, JSON value) of each line that is not blank; skips a leading BOM.

    Only a newline ends a line: U+2028 is part of a text. `path` names the file in messages.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if line.strip():
            yield number, _parse_line(line, f"{path} line {number}")


@contextmanager
def unchanged(path: Path) -> Iterator[tuple[BufferedReader, str]]:
    """A file open at its start, and its sha256. Raises DataError if it changed when it was read."""
    with path.open("rb") as handle:
        sha256 = sha256_of(handle)
        handle.seek(0)
        yield handle, sha256
        refuse_change(handle, sha256, path)


def sha256_of(handle: BufferedReader) -> str:
    """sha256 of an open file from its start."""
    handle.seek(0)
    return hashlib.file_digest(handle, "sha256").hexdigest()


def refuse_change(handle: BufferedReader, sha256: str, path: Path) -> None:
    """Raises DataError if an open file no longer has this sha256."""
    if sha256_of(handle) != sha256:
        raise data_error(
            str(path),
            "content that changed while it was read",
            "a file that no other process writes",
            "wait until it is complete, then run the command again",
        )


def _parse_line(line: bytes, place: str) -> Any:
    try:
        return strict_json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise data_error(
            f"{place}, byte {error.start + 1}",
            f"0x{line[error.start]:02x}, which is not valid UTF-8 here",
            "UTF-8",
            "convert the file to UTF-8",
        ) from None
    except json.JSONDecodeError as error:
        raise _not_json(error, place) from None
    except ValueError as error:
        raise data_error(
            place,
            str(error),
            "JSON: every key once in its object, every number finite",
            "correct the line",
        ) from None


def _not_json(error: json.JSONDecodeError, place: str) -> DataError:
    rest = error.doc[error.pos :].strip()
    truncated = not rest or error.msg.startswith("Unterminated string")
    found = "the line ends inside its JSON" if truncated else f"{error.msg}, at {shown(rest)}"
    return data_error(
        f"{place}, column {error.colno}",
        found,
        "one complete JSON object on the line",
        "correct the line; was the file copied completely?",
    )
