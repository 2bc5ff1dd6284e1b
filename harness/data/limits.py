"""`--limit`: which examples are taken follows from the data, never from `--seed`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.data.rows import Row


def take(rows: Sequence[Row], limit: int | None, fingerprint: str) -> list[Row]:
    """At most `limit` rows, in file order.

    Users come in the order of sha256(fingerprint \\0 user), each with all of its rows; of the
    first user that does not fit, the first rows are taken, so that exactly `limit` come where
    there are as many. A smaller limit is thus always part of a larger one.
    """
    if limit is None or len(rows) <= limit:
        return list(rows)
    turns = {row.user: _turn(fingerprint, row.user) for row in rows}
    in_turn = sorted(range(len(rows)), key=lambda index: (turns[rows[index].user], index))
    return [rows[index] for index in sorted(in_turn[:limit])]


def _turn(fingerprint: str, user: str) -> str:
    return hashlib.sha256(f"{fingerprint}\0{user}".encode()).hexdigest()
