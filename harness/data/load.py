"""source → checked, fingerprinted, limited splits: the one way in for every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.data import checks, folder, hub, mini
from harness.data.files import SPLITS, candidates, split_files
from harness.data.fingerprint import fingerprint
from harness.data.limits import take
from harness.data.rows import Row
from harness.data.tasks import Task
from harness.errors import UsageError
from harness.inputs.digests import file_sha256
from harness.record import DataInfo
from harness.registry import find
from harness.settings import DataSettings, RunSettings
from harness.types import Example, Reference, SplitData

LEAKED_ENTRIES = "leaked_entries"
"""Key of `SplitData.dropped`: profile entries that held their example's target."""


def load_split(settings: RunSettings, split: str) -> SplitData:
    """One split. That its users stand in no other split cannot be checked here: see load_splits."""
    return load_splits(settings, (split,))[split]


def load_splits(settings: RunSettings, splits: Sequence[str] = SPLITS) -> dict[str, SplitData]:
    """The splits asked for: read, checked against leaks and (user setting) each other, limited.

    A fingerprint covers the whole split after leaked entries were dropped, before limits.
    Raises UsageError for an unknown task or split, DataError for bad data.
    """
    unknown = [split for split in splits if split not in SPLITS]
    if unknown:
        raise UsageError(f"no split {unknown[0]!r}. Known: {', '.join(SPLITS)}")
    task, data = find("task", settings.task), settings.data
    rows, dropped = {}, {}
    files: dict[str, dict[str, str]] = {split: {} for split in splits}
    for split in splits:
        rows[split] = read_rows(task, data, split, files[split])
        if data.on_leak == "refuse":
            checks.refuse_leaks(task, rows[split])
        else:
            rows[split], dropped[split] = checks.drop_leaks(task, rows[split])
    if data.setting == "user":
        checks.refuse_shared_users(rows)
    limits = {"train": data.train_limit, "val": data.val_limit, "test": data.limit}
    return {
        split: replace(
            _split_data(task, split, rows[split], limits[split], dropped.get(split), files[split]),
            metrics=mini.metrics(data.setting, split, data.mini_seed)
            if data.source == "mini"
            else {},
        )
        for split in splits
    }


def read_rows(
    task: Task, data: DataSettings, split: str, files: dict[str, str] | None = None
) -> list[Row]:
    """All rows of one split from the source that the settings name, unchecked against others.

    files: takes the name and sha256 of every file of a folder that was read.
    """
    if data.source == "mini":
        return mini.read_mini(task, data.setting, split, data.mini_seed)
    if data.source == "hub":
        return hub.read_hub(task, data.setting, split, data.revision)
    path = folder.task_folder(data.source, task, data.setting)
    if split_files(path, split).parquet:
        return hub.read_parquet(task, path, split, files)
    return folder.read_folder(task, path, split, files)


def describe_source(
    settings: RunSettings, splits: Mapping[str, SplitData] | None = None
) -> DataInfo:
    """What the record says of where the data came from.

    `revision` is the hub's commit (None where it cannot be known), the seed of mini, or None;
    `files` gives the sha256 of every data file that a folder holds; of `splits`, which were read
    already, that of the bytes that were read.
    """
    data = settings.data
    given = DataInfo(source=data.source, setting=data.setting, kind=data.source)
    if data.source == "mini":
        return replace(given, revision=f"seed {data.mini_seed}")
    if data.source == "hub":
        return replace(given, repository=hub.REPOSITORY, revision=hub.resolve(data.revision))
    path = folder.task_folder(data.source, find("task", settings.task), data.setting)
    found = [each for split in SPLITS for each in candidates(path, split)]
    files = [file for each in found for file in each.paths]
    parquet = all(each.parquet for each in found)
    read = {name: each for one in (splits or {}).values() for name, each in one.files.items()}
    names = {str(file.relative_to(path)): file for file in files}
    hashes = {name: read.get(name) or file_sha256(file) for name, file in names.items()}
    kind = "parquet" if parquet else "folder"
    return replace(given, kind=kind, files=hashes)


def _split_data(
    task: Task,
    split: str,
    rows: Sequence[Row],
    limit: int | None,
    dropped: int | None,
    files: Mapping[str, str],
) -> SplitData:
    whole = fingerprint(task.name, rows)
    taken = take(rows, limit, whole)
    counts: Mapping[str, int] = {LEAKED_ENTRIES: dropped} if dropped else {}
    return SplitData(
        task=task.name,
        split=split,
        examples=tuple(Example(r.id, r.user, task.name, r.input, r.profile) for r in taken),
        references={r.id: Reference(r.id, r.user, r.output) for r in taken},
        fingerprint=whole,
        dropped=counts,
        files=files,
    )
