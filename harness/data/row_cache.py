"""Rows that passed the checks, kept in files: a source is parsed once, and read a row at a time.

The files are Arrow's, in the cache folder of `datasets` (HF_DATASETS_CACHE, else HF_HOME), keyed by
the source's sha256, the task and the code of the checks. Profiles, nearly all of the data, are read
when they are asked for.
"""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, overload

from harness.data.checks import Leak, leaks_of, without_leaks
from harness.data.content import characters_of, profile_digest, task_digest
from harness.data.fingerprint import Fingerprint, fingerprint
from harness.data.prepared import cached_in
from harness.data.rows import Row
from harness.data.tasks import Task
from harness.paths import expanded
from harness.record.digest import json_sha256
from harness.types import Entry

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 6
"""Increase it when the checks or the columns change, so that older caches are ignored."""
HEADS, PROFILES, FACTS = "heads.arrow", "profiles.arrow", "facts.json"
TEXTS = ("id", "user", "input", "output", "digest")
NUMBERS = ("entries", "characters", "number")
BATCH = 1 << 20
"""Characters of the rows that are written, and later read, together."""
REMEMBERED = 8
"""Profiles that stay in memory after they were read."""

Numbered = Iterable[tuple[int, Row]]
"""Rows with the number of each in its source."""


@dataclass(frozen=True)
class SplitRows:
    """The rows of a split, and what was computed of them once.

    leaks: entries that contain their row's target.
    fingerprint: of the rows without these entries.
    """

    rows: Sequence[Row]
    leaks: Sequence[Leak]
    fingerprint: str

    @classmethod
    def of(cls, task: Task, rows: Sequence[Row]) -> SplitRows:
        """Rows in memory."""
        found = [leak for row in rows for leak in leaks_of(task, row)]
        return cls(rows, found, fingerprint(task.name, without_leaks(rows, found)))


def cache_root() -> Path:
    """The harness's folder in the cache of `datasets`, found without importing that package."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{base}/huggingface"
    cache = os.environ.get("HF_DATASETS_CACHE") or f"{home}/datasets"
    return expanded(cache) / "flythinker-harness"


def cache_folder(task: Task, source: str) -> Path:
    """The cache folder for a source of this sha256, whether or not it exists yet."""
    schema = task.row.model_json_schema()
    key = json_sha256(FORMAT, source, task.user, schema, task_digest(task))
    return cache_root() / f"{task.name}-{key[:16]}"


def stored_rows(
    task: Task, source: str, numbered: Callable[[], Numbered], place: Callable[[int], str]
) -> SplitRows:
    """The rows of a source, from the cache if this content was parsed before.

    task: whose rows they are.
    source: sha256 of the content.
    numbered: parses the source; called where it is not in the cache.
    place: a row's number → its place for messages.
    """

    def read(folder: Path) -> SplitRows:
        return _read(folder, task, place)

    return cached_in(
        cache_folder(task, source), lambda folder: _write(folder, task, numbered()), read
    )


class StoredProfile(Sequence[Entry]):
    """A profile that is read from its file when it is asked for; equal to the tuple of its entries.

    digest: of its content, as `profile_digest` gives it.
    characters: of all its texts.
    """

    def __init__(self, store: Store, row: int, entries: int, digest: str, characters: int) -> None:
        self._store, self._row, self._entries = store, row, entries
        self.digest, self.characters = digest, characters

    def __len__(self) -> int:
        return self._entries

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, index: int | slice) -> Entry | tuple[Entry, ...]:
        return self._store.profile(self._row)[index]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._store.profile(self._row))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredProfile | tuple) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as a tuple of entries

    def __add__(self, other: Sequence[Entry]) -> tuple[Entry, ...]:
        return (*self, *other)

    def __radd__(self, other: Sequence[Entry]) -> tuple[Entry, ...]:
        return (*other, *self)

    def __reduce__(self) -> tuple[type, tuple[tuple[Entry, ...]]]:
        return tuple, (tuple(self),)  # a copy elsewhere does not need the file

    def __repr__(self) -> str:
        return f"<profile of {self._entries} entries>"


class Store:
    """The profiles of a file, read in batches; threads and forked processes may share it."""

    def __init__(self, path: Path, fields: Sequence[str]) -> None:
        import pyarrow as pa

        self._file = pa.OSFile(str(path))  # not mapped: a file cut short is an error, not a crash
        self._reader = pa.ipc.open_file(self._file)
        self._fields = fields
        self._lock = Lock()
        self._batch: tuple[int, pa.RecordBatch] | None = None
        self._known: OrderedDict[int, tuple[Entry, ...]] = OrderedDict()
        self.places: Sequence[tuple[int, int]] = ()
        """Of each row: its batch, and its number in the batch."""
        self._process = os.getpid()

    def profile(self, row: int) -> tuple[Entry, ...]:
        """The entries of a row's profile, in order."""
        if self._process != os.getpid():  # a fork may have copied a lock that another thread held
            self._process, self._lock = os.getpid(), Lock()
        with self._lock:
            if row not in self._known:
                self._known[row] = self._read(*self.places[row])
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
            return self._known[row]

    def _read(self, number: int, inside: int) -> tuple[Entry, ...]:
        if self._batch is None or self._batch[0] != number:
            self._batch = number, self._reader.get_batch(number)
        lists = self._batch[1].column(0)
        start, end = lists.offsets[inside].as_py(), lists.offsets[inside + 1].as_py()
        columns = (lists.values.field(name)[start:end].to_pylist() for name in self._fields)
        rows = zip(*columns, strict=True)
        return tuple(dict(zip(self._fields, texts, strict=True)) for texts in rows)


def _read(folder: Path, task: Task, place: Callable[[int], str]) -> SplitRows:
    """The rows that `_write` wrote."""
    import pyarrow as pa

    facts = json.loads((folder / FACTS).read_text("utf-8"))
    with pa.OSFile(str(folder / HEADS)) as file:
        heads = pa.ipc.open_file(file).read_all().to_pydict()
    store = Store(folder / PROFILES, task.fields)
    store.places = [
        (batch, inside) for batch, size in enumerate(facts["batches"]) for inside in range(size)
    ]
    rows = []
    columns = zip(*(heads[name] for name in (*TEXTS, *NUMBERS)), strict=True)
    for row, (name, user, given, output, digest, entries, characters, number) in enumerate(columns):
        profile = StoredProfile(store, row, entries, digest, characters)
        rows.append(Row(name, user, given, output, profile, place(number)))
    if len(rows) != len(store.places):
        raise ValueError(f"{len(rows)} rows with {len(store.places)} profiles")
    found = [Leak(rows[row], *rest) for row, *rest in facts["leaks"]]
    return SplitRows(rows, found, facts["fingerprint"])


def _write(folder: Path, task: Task, numbered: Numbered) -> None:
    """Write rows, their leaks and their fingerprint in one pass; memory holds a batch."""
    import pyarrow as pa

    text, whole = pa.large_string(), pa.int64()
    kinds = [*((name, text) for name in TEXTS), *((name, whole) for name in NUMBERS)]
    entry = pa.struct([(name, text) for name in task.fields])
    heads, profiles = pa.schema(kinds), pa.schema([("profile", pa.large_list(entry))])
    content, found = Fingerprint(task.name), list[list[Any]]()
    batches, waiting, size = list[int](), list[tuple[int, Row]](), 0

    def flush() -> None:
        columns = zip(*(_head(number, row) for number, row in waiting), strict=True)
        heads_file.write_batch(pa.record_batch([list(each) for each in columns], schema=heads))
        lists = pa.array([list(row.profile) for _, row in waiting], profiles.field(0).type)
        profiles_file.write_batch(pa.record_batch([lists], schema=profiles))
        batches.append(len(waiting))
        waiting.clear()

    with (
        pa.ipc.new_file(str(folder / HEADS), heads) as heads_file,
        pa.ipc.new_file(str(folder / PROFILES), profiles) as profiles_file,
    ):
        for place, (number, row) in enumerate(numbered):
            leaked = list(leaks_of(task, row))
            found += [[place, leak.entry, leak.field, leak.how] for leak in leaked]
            content.add(*without_leaks([row], leaked))
            waiting.append((number, row))
            size += characters_of([row.profile])
            if size >= BATCH:
                flush()
                size = 0
        if waiting:
            flush()
    facts = {"fingerprint": content.hexdigest(), "leaks": found, "batches": batches}
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def _head(number: int, row: Row) -> tuple[object, ...]:
    """A row without its profile, in the order of the columns."""
    texts = row.id, row.user, row.input, row.output, profile_digest(row.profile)
    return *texts, len(row.profile), characters_of([row.profile]), number
