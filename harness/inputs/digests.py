"""sha256 of files; those of large files are cached until the file changes."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.paths import cache_dir
from harness.record.state import read_state, write_state

KEPT = "digests.json"
"""In the harness's cache folder: path → size, mtime_ns, ctime_ns, inode, sha256."""
LARGE = 1 << 20
"""Bytes from which a hash is cached; smaller files are hashed every time."""
SETTLED_NS = 2_000_000_000
"""A file that changed more recently is not cached: a coarse clock may hide another edit."""


def file_sha256(path: Path) -> str:
    """sha256 of a file's content, from the cache if path, size, times and inode are unchanged."""
    with path.open("rb") as file:
        key = _identity(os.fstat(file.fileno()))
        if key[0] < LARGE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        place = str(path.resolve())
        kept = _read().get(place)
        if isinstance(kept, list) and kept[:-1] == key and isinstance(kept[-1], str):
            return kept[-1]
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        after = os.fstat(file.fileno())
    if _identity(after) == key and time.time_ns() - max(key[1:3]) > SETTLED_NS:
        _keep(place, [*key, sha256])
    return sha256


def _identity(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _read() -> dict[str, list[object]]:
    """The cached hashes; empty if the cache is absent, damaged, or of another format."""
    return read_state(dict[str, list[Any]], cache_dir() / KEPT, lambda message: None) or {}


def _keep(place: str, entry: list[object]) -> None:
    """Add an entry, if the cache is writable. Two processes at once may lose one entry."""
    with suppress(OSError):
        write_state(cache_dir() / KEPT, {**_read(), place: entry})
