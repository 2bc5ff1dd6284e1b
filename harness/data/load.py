"""A source → checked, fingerprinted, limited splits. Every command loads its data here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.data import checks, emails, folder, hub, mini
from harness.data.files import SPLITS, author_files, candidates, split_files
from harness.data.floors import Floor
from harness.data.row_cache import SplitRows
from harness.data.rows import Row
from harness.data.tasks import Task
from harness.data.user_limit import take
from harness.errors import DataError, UsageError
from harness.inputs.digests import file_sha256
from harness.record import DataInfo, Record
from harness.registry import find
from harness.settings import DataSettings, RunSettings
from harness.types import Example, Reference, SplitData

MADE_APART = ("mini", "hub")
"""Sources that have every split, and whose user setting is known to have no user in two."""
LEAKED_ENTRIES = "leaked_entries"
"""Key of `SplitData.dropped`: profile entries that contained their example's target."""


def load_split(settings: RunSettings, split: str) -> SplitData:
    """One split. Only `load_splits` and `load_for_run` can check that splits share no users."""
    return load_splits(settings, (split,))[split]


def load_splits(settings: RunSettings, splits: Sequence[str] = SPLITS) -> dict[str, SplitData]:
    """Splits with at most as many examples as the settings say; otherwise as `load_whole`."""
    return {
        name: limited(split, settings.data) for name, split in load_whole(settings, splits).items()
    }


def load_for_run(settings: RunSettings, needed: Sequence[str]) -> dict[str, SplitData]:
    """The splits that a method needs, as `load_splits`; of a folder, its other splits are checked.

    So data are good for every method or none, and no record of the user setting has users of
    training data that its method does not read.
    """
    others: list[str] = []
    if settings.data.source not in MADE_APART:
        _, path = _place(settings)
        others = [split for split in SPLITS if candidates(path, split)]
    whole = load_whole(settings, [split for split in SPLITS if split in (*needed, *others)])
    return {split: limited(whole[split], settings.data) for split in needed}


def load_train(settings: RunSettings, beside: str) -> SplitData:
    """The whole training split, which in the user setting shares no user with split `beside`."""
    own = settings.data.source not in MADE_APART and beside != "train"
    return load_whole(settings, ("train", beside) if own else ("train",))["train"]


def limited(split: SplitData, data: DataSettings) -> SplitData:
    """The split with at most as many examples as the settings say."""
    taken = take(split.examples, data.limits[split.split], split.fingerprint)
    references = {one.id: split.references[one.id] for one in taken}
    return replace(split, examples=tuple(taken), references=references)


def load_whole(settings: RunSettings, splits: Sequence[str]) -> dict[str, SplitData]:
    """Read splits, and check them for leaks and (in the user setting) shared users.

    A fingerprint covers the whole split, after leaked entries are dropped and before limits.
    Raises UsageError for an unknown task or split, DataError for bad data.
    """
    unknown = [split for split in splits if split not in SPLITS]
    if unknown:
        raise UsageError(f"no split {unknown[0]!r}. Known: {', '.join(SPLITS)}")
    task, data = find("task", settings.task), settings.data
    read = {split: _read_split(task, data, split) for split in splits}
    if data.setting == "user":
        checks.refuse_shared_users({split: each.rows for split, each in read.items()})
    return {split: _split_data(task, data, split, each) for split, each in read.items()}


def has_split(settings: RunSettings, split: str) -> bool:
    """Whether the source has a split, readable or not."""
    if settings.data.source in MADE_APART:
        return True
    task, path = _place(settings)
    return bool(candidates(path, split)) or bool(task.author_files and author_files(path))


def _place(settings: RunSettings) -> tuple[Task, Path]:
    """The task of a source that is a folder, and where its files are."""
    task = find("task", settings.task)
    return task, folder.task_folder(settings.data.source, task, settings.data.setting)


def refuse_other_data(folder: Path, record: Record, test: SplitData, instead: str) -> None:
    """Raises DataError if a test split is not the one that a run was made with.

    folder, record: of the run.
    test: the split as it is now.
    instead: what to do where the run's data are gone.
    """
    if test.fingerprint != record.data.test.fingerprint:
        raise DataError(
            f"{folder}: the data of {record.data.source} have changed since this run; expected"
            f" those that it was made with. Restore them, or {instead}"
        )


@dataclass(frozen=True)
class ReadSplit:
    """A split as read.

    rows: without leaks.
    fingerprint: of the rows.
    dropped: what was dropped from it, and how often.
    files: name → sha256 of its files.
    """

    rows: Sequence[Row]
    fingerprint: str
    dropped: Mapping[str, int]
    files: Mapping[str, str]


def _read_split(task: Task, data: DataSettings, split: str) -> ReadSplit:
    """All rows of a split without leaks: refused, or dropped and counted."""
    files: dict[str, str] = {}
    dropped: dict[str, int] = {}
    read = read_rows(task, data, split, files, dropped)
    if data.on_leak == "refuse":
        checks.refuse_leaks(read.leaks)
    kept = checks.without_leaks(read.rows, read.leaks)
    if read.leaks:
        dropped[LEAKED_ENTRIES] = len(read.leaks)
    return ReadSplit(kept, read.fingerprint, dropped, files)


def _split_data(task: Task, data: DataSettings, split: str, read: ReadSplit) -> SplitData:
    """The split's examples and references, and the metrics that its source adds."""
    return SplitData(
        task=task.name,
        split=split,
        examples=tuple(Example(r.id, r.user, task.name, r.input, r.profile) for r in read.rows),
        references={r.id: Reference(r.id, r.user, r.output) for r in read.rows},
        fingerprint=read.fingerprint,
        dropped=read.dropped,
        metrics=mini.metrics(data.setting, split, data.mini_seed) if data.source == "mini" else {},
        files=read.files,
    )


def read_rows(
    task: Task,
    data: DataSettings,
    split: str,
    files: dict[str, str] | None = None,
    dropped: dict[str, int] | None = None,
) -> SplitRows:
    """All rows of one split from the source that the settings name, before any check of splits.

    task: which columns to expect.
    data: the settings that name source, setting and revision.
    split: train, val or test.
    files: if given, receives the name and sha256 of every file read from a folder.
    dropped: if given, receives what could not become an example, and how often.
    """
    if data.source == "mini":
        return SplitRows.of(task, mini.read_mini(task, data.setting, split, data.mini_seed))
    if data.source == "hub":
        return hub.read_hub(task, data.setting, split, data.revision)
    path = folder.task_folder(data.source, task, data.setting)
    if task.author_files and author_files(path):
        rows, too_few = emails.read_emails(task, path, data.setting, split, files)
        if too_few and dropped is not None:
            dropped[emails.TOO_FEW] = too_few
        return SplitRows.of(task, rows)
    if split_files(path, split).parquet:
        return hub.read_parquet(task, path, split, files)
    return folder.read_folder(task, path, split, files)


def skylines(data: DataSettings, test: SplitData) -> list[Floor]:
    """Texts with which a source shows what is possible, to be recorded beside the floors."""
    return [mini.skyline_of(test)] if data.source == "mini" else []


def rewriter(data: DataSettings, test: SplitData) -> Callable[[str, str], str] | None:
    """What writes an example's text as another user would; None where the source cannot."""
    if data.source != "mini":
        return None
    return mini.rewriter(test, data.setting, data.mini_seed)


def habit_places(data: DataSettings, test: SplitData) -> Callable[[str, str], mini.Places] | None:
    """What finds the places of a text that show its user's habits; None where that is unknown."""
    if data.source != "mini":
        return None
    return mini.habit_places(test, data.setting, data.mini_seed)


def describe_source(
    settings: RunSettings, splits: Mapping[str, SplitData] | None = None
) -> DataInfo:
    """The record's description of where the data come from.

    `revision` is the hub's commit that is read, the seed of mini, or None for a folder.
    `files` has the sha256 of every data file in a folder; for `splits`, which are already loaded,
    it is that of the bytes read. `in_train` needs them too.
    """
    data = settings.data
    described = DataInfo(
        source=data.source,
        setting=data.setting,
        kind=data.source,
        in_train=_in_train(splits or {}),
    )
    if data.source == "mini":
        return replace(described, revision=f"seed {data.mini_seed}")
    task = find("task", settings.task)
    if data.source == "hub":
        commit = hub.commit_of(task, data.setting, data.revision)
        return replace(described, repository=hub.REPOSITORY, revision=commit)
    path = folder.task_folder(data.source, task, data.setting)
    present = [files for split in SPLITS for files in candidates(path, split)]
    names = {str(file.relative_to(path)): file for files in present for file in files.paths}
    if task.author_files:
        names |= {file.name: file for file in author_files(path)}
    loaded = {
        name: sha256 for split in (splits or {}).values() for name, sha256 in split.files.items()
    }
    hashes = {name: loaded.get(name) or file_sha256(file) for name, file in names.items()}
    kind = "parquet" if present and all(files.parquet for files in present) else "folder"
    return replace(described, kind=kind, files=hashes)


def _in_train(splits: Mapping[str, SplitData]) -> dict[str, tuple[str, ...]]:
    """Split → ids of its examples whose target is a training target too; empty without training."""
    train = splits.get("train")
    if train is None:
        return {}
    return {
        name: tuple(
            checks.also_trained({k: r.text for k, r in split.references.items()}, train.targets)
        )
        for name, split in splits.items()
        if name != "train"
    }
