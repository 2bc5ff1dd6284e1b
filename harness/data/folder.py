"""JSON Lines of a split, packed or not → rows, read line by line; a bad line stops here."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data import strict_json
from harness.data.cache import read_cached, write_cached
from harness.data.files import split_files
from harness.data.packed import unpacked
from harness.data.rows import Row, data_error, parse_rows, shown
from harness.data.tasks import Task
from harness.errors import DataError


def task_folder(source: str, task: Task, setting: str) -> Path:
    """The folder of one task: `source`/task, `source`/task_setting, or `source` itself.

    Raises DataError where `source` is no folder.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise data_error(
            f"data {source}",
            "a file" if folder.exists() else "no such folder",
            "mini, hub, or a folder of JSON Lines",
            "name the folder that holds train.jsonl, val.jsonl and test.jsonl",
        )
    below = (folder / name for name in (task.name, f"{task.name}_{setting}"))
    return next((path for path in below if path.is_dir()), folder)


def read_folder(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> list[Row]:
    """The rows of a split's JSON Lines, from the cache where this content was read before.

    files: takes the name and sha256 of the bytes that were read. Raises DataError naming file,
    line, example and field of the first thing that is wrong.
    """
    (path,) = split_files(folder, split).paths
    with path.open("rb") as handle:  # hashed and read through one handle: the same file
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        if files is not None:
            files[path.name] = sha256
        cached = read_cached(task, sha256, str(path))
        if cached is not None:
            return cached
        handle.seek(0)
        numbered = list(numbered_lines(unpacked(handle, path), path))
        handle.seek(0)
        if hashlib.file_digest(handle, "sha256").hexdigest() != sha256:
            raise changed_meanwhile(path)
    rows = parse_rows(task, ((f"{path} line {line}", value) for line, value in numbered))
    if not rows:
        raise data_error(str(path), "no example", "one JSON object a line", "fill the file")
    write_cached(task, sha256, rows, [line for line, _ in numbered])
    return rows


def numbered_lines(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    """(line number from 1, JSON value) of each line that is not blank; a leading BOM is skipped.

    Only newlines end a line: a U+2028 in a text is part of it. `path` is how messages call it.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if line.strip():
            yield number, _parse_line(line, f"{path} line {number}")


def changed_meanwhile(path: Path) -> DataError:
    """The error for a file that another process wrote while it was read."""
    return data_error(
        str(path),
        "other bytes at the end of reading than at its start",
        "a file that nobody writes",
        "wait until it is written, then give the same command again",
    )


def _parse_line(line: bytes, place: str) -> Any:
    try:
        return strict_json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise data_error(
            f"{place}, byte {error.start + 1}",
            f"0x{line[error.start]:02x}, which is not UTF-8 here",
            "UTF-8",
            "save the file as UTF-8 without changing its texts",
        ) from None
    except json.JSONDecodeError as error:
        raise _not_json(error, place) from None
    except (ValueError, RecursionError) as error:
        raise data_error(
            place,
            str(error),
            "JSON: every key once in its object, every number finite",
            "write the line again",
        ) from None


def _not_json(error: json.JSONDecodeError, place: str) -> DataError:
    rest = error.doc[error.pos :].strip()
    cut = not rest or error.msg.startswith("Unterminated string")
    found = "the line ends inside its JSON" if cut else f"{error.msg}, at {shown(rest)}"
    return data_error(
        f"{place}, column {error.colno}",
        found,
        "one whole JSON object on the line",
        "write the line again; was the file copied in full?",
    )
