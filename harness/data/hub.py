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
from harness.errors import brief
from harness.inputs.digests import file_sha256
from harness.record.digest import json_sha256

REPOSITORY = "LongLaMP/LongLaMP"
MAIN, COMMIT = "main", re.compile("[0-9a-f]{40}")
DATA = "the data from the hub, or in the cache of `datasets`"
TOGETHER = 64
"""Rows that are in memory together: a row of the hub's data may have a megabyte."""


@cache
def resolve(revision: str) -> str | None:
    """The commit that `revision` refers to now.

    With HF_HUB_OFFLINE set, a commit is its own answer, and that of `main` is None: whatever is in
    the cache. Raises DataError if the hub does not answer, or there is no such revision.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RevisionNotFoundError

    where = f"hub data set {REPOSITORY}, revision {revision}"
    if constants.HF_HUB_OFFLINE:
        if not COMMIT.fullmatch(revision) and revision != MAIN:
            raise data_error(
                where,
                "HF_HUB_OFFLINE=1, and names of branches and tags are not in the cache",
                f"a commit (40 hex digits), or {MAIN} for the newest in the cache",
                "name the commit, or leave HF_HUB_OFFLINE out where there is a network",
            )
        return None if revision == MAIN else revision
    try:
        return str(HfApi().dataset_info(REPOSITORY, revision=revision, timeout=10).sha)
    except RevisionNotFoundError as error:
        raise data_error(
            where,
            _words(error),
            "a commit, branch or tag of the data set",
            f"name one of https://huggingface.co/datasets/{REPOSITORY}/commits/{MAIN}",
        ) from error
    except Exception as error:  # any other failure of network or hub; all get the same message
        raise data_error(where, _words(error), "an answer from the hub", _copy(revision)) from error


def commit_of(task: Task, setting: str, revision: str) -> str:
    """The commit that `read_hub` reads; otherwise as there."""
    return resolve(revision) or str(_builder(_config(task, setting), revision).hash)


def read_hub(task: Task, setting: str, split: str, revision: str) -> SplitRows:
    """The rows of one config and split at `revision`.

    Raises DataError if they cannot be had: no network, no such revision, config or split, or
    another commit in the cache.
    """
    config = _config(task, setting)
    builder = _builder(config, revision)
    where = f"hub data set {REPOSITORY}, {config} at {builder.hash}"
    try:
        builder.download_and_prepare()
        names = list(builder.info.splits)
        table = builder.as_dataset(split=split) if split in names else None
    except Exception as error:  # any failure of network, hub or disk; all get the same message
        raise data_error(where, _words(error), DATA, _copy(revision)) from error
    if table is None:
        found = f"the splits {', '.join(names)}"
        raise data_error(where, found, f"a split {split}", "name another data.revision")
    source = json_sha256(REPOSITORY, config, split, _content(table))

    def values() -> Iterator[Mapping[str, Any]]:
        for batch in table.data.to_batches(max_chunksize=TOGETHER):
            yield from rows_of(batch)

    return _stored(task, source, values, f"{REPOSITORY} {config} {split}")


@cache
def _builder(config: str, revision: str) -> Any:
    """What `datasets` reads a config with, at the commit of `revision` and at no other.

    Without the hub, `datasets` takes the newest commit in its cache, whichever was asked for.
    One for all splits, so that all are of one commit. Raises DataError.
    """
    from datasets import load_dataset_builder

    commit = resolve(revision)
    where = f"hub data set {REPOSITORY}, {config} at {commit or revision}"
    try:
        # with hf:// a folder of that name is not read instead
        builder = load_dataset_builder(
            f"hf://datasets/{REPOSITORY}", config, revision=commit or revision
        )
    except Exception as error:  # any failure of network, hub or cache
        # an unknown config is a ValueError, of the hub's answer as of the cache
        unknown = isinstance(error, ValueError)
        expected = f"a config {config}" if unknown else DATA
        mend = "name another task or data.setting; or " if unknown else ""
        raise data_error(where, _words(error), expected, mend + _copy(revision)) from error
    if not COMMIT.fullmatch(str(builder.hash)) or commit not in (None, builder.hash):
        raise data_error(
            where,
            f"{builder.hash}, the newest in the cache of `datasets`",
            f"commit {commit}" if commit else "a commit (40 hex digits)",
            _copy(revision),
        )
    return builder


def _config(task: Task, setting: str) -> str:
    return f"{task.name}_{setting}"


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


def _words(error: Exception) -> str:
    """An error's type and text in one line."""
    return f"{type(error).__name__}: {' '.join(brief(str(error)).split())}"


def _copy(revision: str) -> str:
    """How to get the data of `revision` where the hub or the cache has not given them."""
    from huggingface_hub import constants

    at = "" if revision == MAIN else f" --revision {revision}"
    other = (
        "leave HF_HUB_OFFLINE out where there is a network"
        if constants.HF_HUB_OFFLINE
        else "HF_HUB_OFFLINE=1 if it is in the cache"
    )
    return (
        f"on a machine with a network: `hf download {REPOSITORY} --repo-type dataset{at}"
        f" --local-dir DIR`, then --data DIR; or {other}; or --data mini"
    )
