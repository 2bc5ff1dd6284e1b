"""How many examples a run has, counted without loading them."""

from __future__ import annotations

from pathlib import Path

from harness.data.files import SPLITS, candidates
from harness.data.folder import task_folder
from harness.data.longlamp import longlamp_sizes
from harness.errors import HarnessError
from harness.registry import find
from harness.settings import RunSettings

SAMPLE = 1 << 20
"""Bytes from which the number of lines of a larger file is extrapolated."""


def sizes_of(settings: RunSettings) -> dict[str, int | None]:
    """Split → number of examples; None where only reading the data tells it."""
    limits = settings.data.limits
    return {name: _least(_whole(settings, name), limits[name]) for name in SPLITS}


def _least(whole: int | None, limit: int | None) -> int | None:
    """The limit counts even where the size is not known."""
    return limit if whole is None or (limit is not None and limit < whole) else whole


def _whole(settings: RunSettings, split: str) -> int | None:
    """The size of a split before limits."""
    data = settings.data
    if data.source == "mini":
        from harness.mini.benchmark import SIZES

        return SIZES[split]
    if data.source == "hub":
        known = longlamp_sizes(settings.task, data.setting)
        return None if known is None else int(getattr(known, split))
    try:
        folder = task_folder(data.source, find("task", settings.task), data.setting)
        files = [path for each in candidates(folder, split)[:1] for path in each.paths]
    except (HarnessError, OSError):
        return None  # reading the data will report the error
    if len(files) != 1 or files[0].suffix != ".jsonl":
        return None
    return _lines(files[0])


def _lines(file: Path) -> int:
    """Lines of a file that are not blank; those of a large one from its first megabyte."""
    with file.open("rb") as handle:
        start = handle.read(SAMPLE)
    count, size = sum(bool(line.strip()) for line in start.split(b"\n")), file.stat().st_size
    return count if size <= SAMPLE else round(count * size / SAMPLE)
