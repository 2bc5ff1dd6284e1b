"""One sha256 for a split: the same ids and texts give the same value, whatever the source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from harness.data.rows import Row


def fingerprint(task: str, rows: Iterable[Row]) -> str:
    """sha256 over the task's name and every row's id, user, input, profile and reference.

    One JSON array a row, keys sorted, ASCII only: two different splits never give the same bytes.
    The order of rows and of profile entries counts.
    """
    digest = hashlib.sha256(json.dumps(task).encode())
    for row in rows:
        values = [row.id, row.user, row.input, [dict(entry) for entry in row.profile], row.output]
        line = json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        digest.update(b"\n" + line.encode("ascii"))
    return digest.hexdigest()
