"""LongLaMP/LongLaMP from the hub, or from a local folder with the hub's layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

from harness.data.arrow_rows import rows_of
from harness.data.files import split_files
from harness.data.folder import refuse_change, sha256_of
from harness.data.row_cache import Numbered, SplitRows, stored_rows
from harness.data.rows import data_error, parse_rows
from harness.data.tasks import Task
from harness.errors import DataError
from harness.inputs.digests import file_sha256
from harness.record.digest import json_sha256

REPOSITORY = "LongLaMP/LongLaMP"
TOGETHER = 64
"""Rows that are in memory together: a row of the hub's data may have a megabyte."""


@cache
def resolve(revision: str) -> str | None:
    """The commit that `revision` refers to now.

    With HF_HUB_OFFLINE set, the answer is `revision` if that is a commit, else None. Raises
    DataError if the hub does not answer.
    """
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return revision if re.fullmatch("[0-9a-f]{40}", revision) else None
    try:
        return str(HfApi().dataset_info(REPOSITORY, revision=revision, timeout=10).sha)
    except Exception as error:  # any network or hub failure; all get the same message
        raise _unreachable(f"revision {revision}", error) from error


def read_hub(task: Task, setting: str, split: str, revision: str) -> SplitRows:
    """The rows of one config and split at `revision`. Raises DataError without a network."""
    from datasets import load_dataset

    config = f"{task.name}_{setting}"
    commit = resolve(revision) or revision
    try:
        table = load_dataset(REPOSITORY, config, split=split, revision=commit)
    except Exception as error:  # any network or hub failure; all get the same message
        raise _unreachable(f"{config} {split} at {commit}", error) from error
    source = json_sha256(REPOSITORY, config, split, _content(table))

    def values() -> Iterator[Mapping[str, Any]]:
        for batch in table.data.to_batches(max_chunksize=TOGETHER):
            yield from rows_of(batch)

    return _stored(task, source, values, f"{REPOSITORY} {config} {split}")


def _content(table: Any) -> list[str]:
    """sha256 of the files that a table of `datasets` is in; of one in memory its fingerprint."""
    files = [Path(each["filename"]) for each in table.cache_files]
    return [file_sha256(path) for path in files] or [str(table._fingerprint)]


def read_parquet(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> SplitRows:
    """The rows of a split's parquet files, in the order of their names.

    task: which columns to expect.
    folder, split: where the files are.
    files: if given, receives each file's name and the sha256 of the bytes read.
    """
    paths = split_files(folder, split).paths
    with ExitStack() as opened:
        handles = [opened.enter_context(path.open("rb")) for path in paths]
        hashes = [sha256_of(handle) for handle in handles]
        if files is not None:
            names = (str(path.relative_to(folder)) for path in paths)
            files.update(zip(names, hashes, strict=True))

        def values() -> Iterator[Mapping[str, Any]]:
            for handle, sha256, path in zip(handles, hashes, paths, strict=True):
                yield from _read_file(handle, path)
                refuse_change(handle, sha256, path)

        return _stored(task, json_sha256("parquet", hashes), values, f"{folder} {split}")


def _read_file(handle: BufferedReader, path: Path) -> Iterator[Mapping[str, Any]]:
    """An open parquet file's rows.

    pyarrow reads the open file. `datasets` caches tables by path and modification time, so it
    would return old rows for a file that was replaced without a new modification time.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    handle.seek(0)
    try:
        for part in ParquetFile(handle).iter_batches(batch_size=TOGETHER):
            yield from rows_of(part)
    except (OSError, ValueError, ArrowException) as error:
        raise data_error(
            str(path),
            f"{type(error).__name__}: {error}",
            "readable parquet files",
            "download the files again; were they copied completely?",
        ) from error


def _stored(
    task: Task, sha256: str, values: Callable[[], Iterable[Mapping[str, object]]], source: str
) -> SplitRows:
    """The rows of a table, from the cache if this content was parsed before.

    task: which columns to expect.
    sha256: of the content.
    values: reads the table's rows.
    source: the table's name in messages.
    """

    def place(number: int) -> str:
        return f"{source} row {number}"

    def numbered() -> Numbered:
        places = ((place(number), row) for number, row in enumerate(values(), start=1))
        number = 0
        for number, row in enumerate(parse_rows(task, places), start=1):
            yield number, row
        if not number:
            raise data_error(source, "no example", "at least one row", "use another copy")

    return stored_rows(task, sha256, numbered, place)


def _unreachable(what: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return data_error(
        f"hub data set {REPOSITORY}, {what}",
        f"{type(error).__name__}: {reason}",
        "an answer from the hub",
        f"on a machine with a network: `hf download {REPOSITORY} --repo-type dataset --local-dir"
        " DIR`, then --data DIR; or HF_HUB_OFFLINE=1 if it is in the cache; or --data mini",
    )
