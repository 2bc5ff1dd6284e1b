"""sha256 of files; those of large files are cached until the file changes."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from harness.paths import cache_dir

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
    try:
        kept = json.loads((cache_dir() / KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(place: str, entry: list[object]) -> None:
    """Add an entry, if the cache is writable. Two processes at once may lose one entry."""
    path = cache_dir() / KEPT
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{KEPT}.{os.getpid()}.part")
        draft.write_text(json.dumps({**_read(), place: entry}, indent=1), encoding="utf-8")
        draft.replace(path)
