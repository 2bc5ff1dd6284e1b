"""LongLaMP/LongLaMP from the hub, or from a local folder with the hub's layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.data.arrow_rows import rows_of
from harness.data.files import split_files
from harness.data.folder import unchanged
from harness.data.rows import Row, data_error, parse_rows
from harness.data.tasks import Task
from harness.errors import DataError

REPOSITORY = "LongLaMP/LongLaMP"


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


def read_hub(task: Task, setting: str, split: str, revision: str) -> list[Row]:
    """The rows of one config and split at `revision`. Raises DataError without a network."""
    from datasets import load_dataset

    config = f"{task.name}_{setting}"
    commit = resolve(revision) or revision
    try:
        table = load_dataset(REPOSITORY, config, split=split, revision=commit)
    except Exception as error:  # any network or hub failure; all get the same message
        raise _unreachable(f"{config} {split} at {commit}", error) from error
    rows = (row for batch in table.data.to_batches() for row in rows_of(batch))
    return _parse(task, rows, f"{REPOSITORY} {config} {split}")


def read_parquet(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> list[Row]:
    """The rows of a split's parquet files, in the order of their names.

    task: which columns to expect.
    folder, split: where the files are.
    files: if given, receives each file's name and the sha256 of the bytes read.
    """
    table: list[Mapping[str, Any]] = []
    for path in split_files(folder, split).paths:
        rows, sha256 = _read_file(path)
        table += rows
        if files is not None:
            files[str(path.relative_to(folder))] = sha256
    return _parse(task, table, f"{folder} {split}")


def _read_file(path: Path) -> tuple[list[Mapping[str, Any]], str]:
    """A parquet file's rows, and the sha256 of the bytes they were read from.

    pyarrow reads the open file. `datasets` caches tables by path and modification time, so it
    would return old rows for a file that was replaced without a new modification time.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with unchanged(path) as (handle, sha256):
        try:
            rows = [row for part in ParquetFile(handle).iter_batches() for row in rows_of(part)]
        except (OSError, ValueError, ArrowException) as error:
            raise data_error(
                str(path),
                f"{type(error).__name__}: {error}",
                "readable parquet files",
                "download the files again; were they copied completely?",
            ) from error
    return rows, sha256


def _parse(task: Task, table: Iterable[Mapping[str, object]], source: str) -> list[Row]:
    numbered = ((f"{source} row {n}", row) for n, row in enumerate(table, start=1))
    rows = parse_rows(task, numbered)
    if not rows:
        raise data_error(source, "no example", "at least one row", "use another copy")
    return rows


def _unreachable(what: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return data_error(
        f"hub data set {REPOSITORY}, {what}",
        f"{type(error).__name__}: {reason}",
        "an answer from the hub",
        f"on a machine with a network: `hf download {REPOSITORY} --repo-type dataset --local-dir"
        " DIR`, then --data DIR; or HF_HUB_OFFLINE=1 if it is in the cache; or --data mini",
    )
