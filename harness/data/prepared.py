"""Prepared caches: what is made once from data, kept in a cache folder under a key of its content.

A cached folder is complete or absent, and its files carry their sha256: a damaged one is made
again. Processes that need the same one at the same time make it once; the others wait.
"""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from harness.paths import cache_dir
from harness.record.digest import json_sha256

T = TypeVar("T")
Make = Callable[[Path], object]
"""Fills an empty folder."""
Read = Callable[[Path], T]
"""What a filled folder holds. It may map files into memory, and must not change them."""
SUMS = "sha256.json"
"""In a cached folder: file → sha256, written last."""
UNREADABLE = (OSError, ValueError, KeyError, TypeError)
"""Errors of reading a folder that other code wrote."""

log = logging.getLogger(__name__)


def prepared_root() -> Path:
    """The folder of all prepared caches; it may be removed at any time."""
    return cache_dir() / "prepared"


def prepared(
    kind: str, key: object, make: Make, read: Read[T], *, fresh: bool = False, keep: bool = True
) -> T:
    """What `read` returns of a folder that `make` filled, now or in an earlier process.

    kind: names what is cached.
    key: what the content depends on, as JSON can hold it.
    make: fills the folder.
    read: reads it.
    fresh: make it again.
    keep: False for what is made faster than a file is worth keeping.

    A cache that cannot be written is no error: the content is then made for this process alone.
    """
    if not keep:
        return _once(make, read)
    return cached_in(prepared_root() / kind / json_sha256(key)[:24], make, read, fresh=fresh)


def cached_in(folder: Path, make: Make, read: Read[T], *, fresh: bool = False) -> T:
    """As `prepared`, in a given folder."""
    if not fresh and (found := _read(folder, read)) is not None:
        return found[0]
    try:
        with _locked(folder):
            if not fresh and (found := _read(folder, read)) is not None:
                return found[0]  # another process made it meanwhile
            _fill(folder, make)
            return read(folder)
    except OSError as error:
        log.warning("cannot cache in %s (%s); every run will make it again", folder.parent, error)
    return _once(make, read)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a cached folder; the lock file goes where the folder was not made."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_name(f".{folder.name}.lock")
    with FileLock(path):
        try:
            yield
        finally:
            if not folder.exists():
                path.unlink(missing_ok=True)


def _read(folder: Path, read: Read[T]) -> tuple[T] | None:
    """The content of a complete, undamaged folder; None if there is none."""
    if not (folder / SUMS).is_file():
        return None
    try:
        if json.loads((folder / SUMS).read_bytes()) != _sums(folder):
            raise ValueError("its files are not what was written")
        with _collector_paused():
            return (read(folder),)
    except UNREADABLE as error:
        log.warning("%s cannot be read (%s); making it again", folder, error)
        return None


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Reading makes many objects and no garbage, which Python would look for again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _fill(folder: Path, make: Make) -> None:
    """Replace `folder` with what `make` puts into a draft. The caller holds its lock."""
    for left in folder.parent.glob(f".draft-{folder.name}-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    prefix = f".draft-{folder.name}-"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as place:
        draft = Path(place) / "new"
        draft.mkdir()
        make(draft)
        (draft / SUMS).write_text(json.dumps(_sums(draft)), encoding="utf-8")
        if folder.exists():  # damaged, or to be made again
            folder.rename(Path(place) / "old")
        draft.rename(folder)


def _once(make: Make, read: Read[T]) -> T:
    """The content, made in a folder that is removed at once; files mapped into memory stay."""
    with tempfile.TemporaryDirectory(prefix="flythinker-harness-") as place:
        make(Path(place))
        return read(Path(place))


def _sums(folder: Path) -> dict[str, str]:
    """File → sha256 of everything in a cached folder."""
    sums = {}
    for path in sorted(folder.iterdir()):
        if path.name != SUMS:
            with path.open("rb") as file:
                sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums
