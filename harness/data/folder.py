"""A split's file in a folder, compressed or not → rows; a file that changes is refused here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from harness.data.compressed import decompressed
from harness.data.csv_rows import csv_rows
from harness.data.files import SPLITS, author_files, candidates, split_files
from harness.data.json_array import array_elements
from harness.data.json_lines import line_values
from harness.data.row_cache import Numbered, SplitRows, stored_rows
from harness.data.rows import data_error, parse_rows
from harness.data.tasks import Task
from harness.paths import expanded
from harness.record.digest import json_sha256


def task_folder(source: str, task: Task, setting: str) -> Path:
    """The folder of one task: `source`/task_setting, else `source`/task, else `source` itself.

    One without data, such as the runs whose `--out` is `source`, is taken only where no other has
    any. Raises DataError if `source` is not a folder.
    """
    folder = expanded(source)
    if not folder.is_dir():
        raise data_error(
            f"data {source}",
            "a file" if folder.exists() else "no such folder",
            "mini, hub, or a folder of data files",
            "name the folder with train.jsonl, val.jsonl and test.jsonl",
        )
    subfolders = (folder / name for name in (f"{task.name}_{setting}", task.name))
    there = [*(path for path in subfolders if path.is_dir()), folder]
    return next((path for path in there if _has_data(path, task)), there[0])


def _has_data(folder: Path, task: Task) -> bool:
    """Whether a folder has a file of any split, or of an author where the task reads those."""
    split = any(candidates(folder, name) for name in SPLITS)
    return split or (task.author_files and bool(author_files(folder)))


Values = Callable[[BinaryIO, Path], Iterator[tuple[int, str, Any]]]
"""Reads a file's content: (number, place, value) of each row; the number finds it again."""
READERS: dict[str, tuple[Values, str]] = {
    ".jsonl": (line_values, "line"),
    ".json": (array_elements, "row"),
    ".csv": (csv_rows, "line"),
}
"""Ending → how the file is read, and what its rows' numbers count."""


def read_folder(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> SplitRows:
    """The rows of a split's file, from the cache if this content was read before.

    task: which columns to expect.
    folder, split: where the file is.
    files: if given, receives the file's name and the sha256 of the bytes read.

    Raises DataError naming the file, row or line, example and field of the first fault.
    """
    (path,) = split_files(folder, split).paths
    ending = next(suffix for suffix in path.suffixes[::-1] if suffix in READERS)
    values, counted = READERS[ending]
    with path.open("rb") as handle:  # hash and read through one handle: surely the same file
        sha256 = sha256_of(handle)
        if files is not None:
            files[path.name] = sha256

        def place(number: int) -> str:
            return f"{path} {counted} {number}"

        def numbered() -> Numbered:
            handle.seek(0)
            numbers = list[int]()

            def placed() -> Iterator[tuple[str, object]]:
                for number, where, value in values(decompressed(handle, path), path):
                    numbers.append(number)
                    yield where, value

            for row in parse_rows(task, placed()):
                yield numbers[-1], row
            if not numbers:
                raise data_error(str(path), "no example", "at least one row", "fill the file")
            refuse_change(handle, sha256, path)

        source = sha256 if ending == ".jsonl" else json_sha256(ending, sha256)
        return stored_rows(task, source, numbered, place)


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
