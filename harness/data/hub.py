"""LongLaMP/LongLaMP from the hub, or from a local folder laid out as the hub serves it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from harness.data.columns import rows_of
from harness.data.files import split_files
from harness.data.folder import changed_meanwhile
from harness.data.rows import Row, data_error, parse_rows
from harness.data.tasks import Task
from harness.errors import DataError

REPOSITORY = "LongLaMP/LongLaMP"


def config_name(task: Task, setting: str) -> str:
    return f"{task.name}_{setting}"


@cache
def resolve(revision: str) -> str | None:
    """The commit that `revision` stands for now.

    Offline by request (HF_HUB_OFFLINE) it is known only where `revision` is a commit already,
    else None. Raises DataError where the hub cannot be asked.
    """
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return revision if _is_commit(revision) else None
    try:
        return str(HfApi().dataset_info(REPOSITORY, revision=revision, timeout=10).sha)
    except Exception as error:  # every kind of network and hub failure, told in one way
        raise _unreachable(f"revision {revision}", error) from error


def read_hub(task: Task, setting: str, split: str, revision: str) -> list[Row]:
    """Rows of one config and split at `revision`. Raises DataError without a network."""
    from datasets import load_dataset

    config = config_name(task, setting)
    commit = resolve(revision) or revision
    try:
        table = load_dataset(REPOSITORY, config, split=split, revision=commit)
    except Exception as error:  # every kind of network and hub failure, told in one way
        raise _unreachable(f"{config} {split} at {commit}", error) from error
    batches = table.data.to_batches()
    return _parse(
        task, (row for part in batches for row in rows_of(part)), f"{REPOSITORY} {config} {split}"
    )


def read_parquet(
    task: Task, folder: Path, split: str, files: dict[str, str] | None = None
) -> list[Row]:
    """Rows of a split's parquet files, in the order of their names.

    files: takes the name and sha256 of each file's bytes as they were read.
    """
    table: list[Mapping[str, Any]] = []
    for path in split_files(folder, split).paths:
        rows, sha256 = _read_file(path)
        table += rows
        if files is not None:
            files[str(path.relative_to(folder))] = sha256
    return _parse(task, table, f"{folder} {split}")


def _read_file(path: Path) -> tuple[list[Mapping[str, Any]], str]:
    """A parquet file's rows and the sha256 of the bytes that they were read from.

    pyarrow reads the open file itself: `datasets` keeps tables by path and time of change, so it
    would give the rows of a file that was replaced under the same time.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
        handle.seek(0)
        try:
            rows = [row for part in ParquetFile(handle).iter_batches() for row in rows_of(part)]
        except (OSError, ValueError, ArrowException) as error:
            raise data_error(
                str(path),
                f"{type(error).__name__}: {error}",
                "parquet files that can be read",
                "get the files again; was the copy complete?",
            ) from error
    with path.open("rb") as again:
        if hashlib.file_digest(again, "sha256").hexdigest() != sha256:
            raise changed_meanwhile(path)
    return rows, sha256


def _parse(task: Task, table: Iterable[Mapping[str, Any]], source: str) -> list[Row]:
    numbered = ((f"{source} row {n}", row) for n, row in enumerate(table, start=1))
    rows = parse_rows(task, numbered)
    if not rows:
        raise data_error(source, "no example", "at least one row", "choose another copy")
    return rows


def _is_commit(revision: str) -> bool:
    return len(revision) == 40 and set(revision) <= set("0123456789abcdef")


def _unreachable(what: str, error: Exception) -> DataError:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return data_error(
        f"hub data set {REPOSITORY}, {what}",
        f"{type(error).__name__}: {reason}",
        "an answer of the hub",
        f"where there is a network: `hf download {REPOSITORY} --repo-type dataset --local-dir DIR`,"
        " then --data DIR; or HF_HUB_OFFLINE=1 where it was loaded before; or --data mini",
    )
