"""A split's sha256: the same ids and texts give the same value, whatever the source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from harness.data.rows import Row


def fingerprint(task: str, rows: Iterable[Row]) -> str:
    """sha256 of the task's name and of every row's id, user, input, profile and reference.

    Each row is one JSON array with sorted keys, in ASCII, so different splits never hash the same
    bytes. The order of rows and of profile entries matters.
    """
    digest = hashlib.sha256(json.dumps(task).encode())
    for row in rows:
        values = [row.id, row.user, row.input, [dict(entry) for entry in row.profile], row.output]
        line = json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        digest.update(b"\n" + line.encode("ascii"))
    return digest.hexdigest()
