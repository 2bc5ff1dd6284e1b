"""Which files of a folder hold a split. Names are compared as they are: no path is a pattern."""

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
"""Split → how its files may be called."""
LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
PARQUET = ".parquet"
SHARD = re.compile(r"-(\d+)-of-(\d+)\.parquet")


@dataclass(frozen=True)
class SplitFiles:
    """The files that hold a split: one of JSON Lines, or parquet files in the order of names.

    shown: how a message calls them.
    """

    paths: tuple[Path, ...]
    parquet: bool
    shown: str


def candidates(folder: Path, split: str) -> list[SplitFiles]:
    """All that could be the split: `val.jsonl`, `validation-00000-of-00001.parquet`, `val/`, …"""
    there = sorted(folder.iterdir())
    files = {path.name: path for path in there if path.is_file()}
    found = []
    for name in NAMES[split]:
        endings = (*LINES, PARQUET)
        found += [
            SplitFiles((files[name + ending],), ending == PARQUET, name + ending)
            for ending in endings
            if name + ending in files
        ]
        shards = [path for path in files.values() if path.name.startswith(f"{name}-")]
        below = folder / name
        inside = sorted(path for path in below.iterdir()) if below.is_dir() else []
        for shown, several in ((f"{name}-*{PARQUET}", shards), (f"{name}/*{PARQUET}", inside)):
            paths = tuple(path for path in several if path.name.endswith(PARQUET))
            found += [SplitFiles(paths, True, shown)] if paths else []
    return found


def split_files(folder: Path, split: str) -> SplitFiles:
    """The files of the split. Raises DataError where there are none, or two that could be it."""
    found = candidates(folder, split)
    if not found:
        raise _missing(folder, split)
    if len(found) > 1:
        raise data_error(
            str(folder),
            f"{len(found)} that could be the {split} split: {', '.join(f.shown for f in found)}",
            "one of them",
            "keep the one that is meant, and move the others out of the folder",
        )
    if found[0].parquet:
        _whole(folder, split, found[0].paths)
    return found[0]


def _whole(folder: Path, split: str, paths: tuple[Path, ...]) -> None:
    """Raises DataError where a name says `-of-N` and there are not N such files."""
    marks = [match for path in paths if (match := SHARD.search(path.name))]
    if not marks:
        return
    totals = sorted({match[2] for match in marks})
    numbers = {int(match[1]) for match in marks}
    if len(totals) == 1 and len(marks) == len(paths) and numbers == set(range(int(totals[0]))):
        return
    raise data_error(
        str(folder),
        f"{', '.join(path.name for path in paths[:6])}",
        f"every part of {split}: -00000-of-N to the last, of one N",
        "get the missing files, or remove those of another copy",
    )


def _missing(folder: Path, split: str) -> DataError:
    present = [each.shown for name in SPLITS for each in candidates(folder, name)]
    below = sorted(child.name for child in folder.iterdir() if child.is_dir())
    found = ", ".join(present) or (
        f"folders {', '.join(below[:6])}" if below else "neither file nor folder"
    )
    lines = ", ".join(f"{name}.jsonl" for name in NAMES[split])
    return data_error(
        str(folder),
        f"no {split}.jsonl; there: {found}",
        f"{lines} (also .gz, .zst), {split}-*.parquet, or a folder named by the task with one",
        "add the file, or name another folder with --data",
    )
