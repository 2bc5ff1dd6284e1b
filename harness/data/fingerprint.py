"""A split's sha256: the same ids and texts give the same value, whatever the source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from harness.data.rows import Row


class Fingerprint:
    """sha256 of the task's name and of every row's id, user, input, profile and reference.

    Each row is one JSON array with sorted keys, in ASCII, so different splits never hash the same
    bytes. The order of rows and of profile entries matters.
    """

    def __init__(self, task: str) -> None:
        self._digest = hashlib.sha256(json.dumps(task).encode())

    def add(self, row: Row) -> None:
        """Add the next row."""
        values = [row.id, row.user, row.input, [dict(entry) for entry in row.profile], row.output]
        line = json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        self._digest.update(b"\n" + line.encode("ascii"))

    def hexdigest(self) -> str:
        """The fingerprint of the rows so far."""
        return self._digest.hexdigest()


def fingerprint(task: str, rows: Iterable[Row]) -> str:
    """The fingerprint of a split's rows."""
    found = Fingerprint(task)
    for row in rows:
        found.add(row)
    return found.hexdigest()
