"""Which files of a folder hold a split. Names are compared literally: no path is a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.rows import data_error
from harness.errors import DataError

SPLITS = ("train", "val", "test")
NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "valid", "validation"),
    "test": ("test",),
}
"""Split → accepted file names."""
FORMATS, PACKED = (".jsonl", ".json", ".csv"), ("", ".gz", ".zst")
PARQUET = ".parquet"
ENDINGS = (*(form + packed for form in FORMATS for packed in PACKED), PARQUET)
SHARD = re.compile(r"-(\d+)-of-(\d+)\.parquet")


@dataclass(frozen=True)
class SplitFiles:
    """The files of one split: one file of rows, or parquet files sorted by name."""

    paths: tuple[Path, ...]
    parquet: bool
    label: str
    """The files' name in messages."""


def candidates(folder: Path, split: str) -> list[SplitFiles]:
    """Every candidate: `val.jsonl`, `validation-00000-of-00001.parquet`, `val/`, …"""
    files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
    found = []
    for name in NAMES[split]:
        found += [
            SplitFiles((files[name + ending],), ending == PARQUET, name + ending)
            for ending in ENDINGS
            if name + ending in files
        ]
        shards = [path for path in files.values() if path.name.startswith(f"{name}-")]
        subfolder = folder / name
        inside = sorted(subfolder.iterdir()) if subfolder.is_dir() else []
        for label, group in ((f"{name}-*{PARQUET}", shards), (f"{name}/*{PARQUET}", inside)):
            paths = tuple(path for path in group if path.name.endswith(PARQUET))
            found += [SplitFiles(paths, True, label)] if paths else []
    return found


def author_files(folder: Path) -> list[Path]:
    """The files of authors, by name; none where the folder has files of splits."""
    if any(candidates(folder, split) for split in SPLITS):
        return []
    return sorted(path for path in folder.glob("*.jsonl") if path.is_file())


def split_files(folder: Path, split: str) -> SplitFiles:
    """The files of the split. Raises DataError if there are none, or more than one candidate."""
    found = candidates(folder, split)
    if not found:
        raise _missing(folder, split)
    if len(found) > 1:
        raise data_error(
            str(folder),
            f"{len(found)} candidates for the {split} split: {', '.join(f.label for f in found)}",
            "one of them",
            "keep the one you mean and move the others out of the folder",
        )
    for path in found[0].paths:
        refuse_unreadable_name(path)
    if found[0].parquet:
        _refuse_missing_parts(folder, split, found[0].paths)
    return found[0]


def refuse_unreadable_name(path: Path) -> None:
    """Raises DataError for a name that is not UTF-8: neither an id nor a record can hold it."""
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise data_error(
            str(path.parent),
            f"a file named {path.name!r}",
            "a name in UTF-8",
            "rename the file",
        ) from None


def _refuse_missing_parts(folder: Path, split: str, paths: tuple[Path, ...]) -> None:
    """Raises DataError if a name says `-of-N` and the files are not exactly those N."""
    matches = [match for path in paths if (match := SHARD.search(path.name))]
    if not matches:
        return
    totals = sorted({match[2] for match in matches})
    numbers = {int(match[1]) for match in matches}
    if len(totals) == 1 and len(matches) == len(paths) and numbers == set(range(int(totals[0]))):
        return
    raise data_error(
        str(folder),
        f"{', '.join(path.name for path in paths[:6])}",
        f"every part of {split}, from -00000-of-N to the last, all with the same N",
        "download the missing files, or remove those of another copy",
    )


def _missing(folder: Path, split: str) -> DataError:
    present = [files.label for name in SPLITS for files in candidates(folder, name)]
    subfolders = sorted(child.name for child in folder.iterdir() if child.is_dir())
    if present:
        found = f"only {', '.join(present)}"
    else:
        found = f"only folders {', '.join(subfolders[:6])}" if subfolders else "no files or folders"
    lines = ", ".join(f"{name}.jsonl" for name in NAMES[split])
    return data_error(
        str(folder),
        f"no {split}.jsonl; {found}",
        f"{lines} (also .json and .csv, each also .gz and .zst), {split}-*.parquet, or a folder"
        " named after the task",
        "add the file, or name another folder with --data",
    )
