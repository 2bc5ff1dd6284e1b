"""`--limit`: the data decide which examples are taken, never `--seed`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.data.rows import Row


def take(rows: Sequence[Row], limit: int | None, fingerprint: str) -> list[Row]:
    """At most `limit` rows, in file order.

    Users are taken in the order of sha256(fingerprint \\0 user), each with all their rows. Of the
    first user that does not fit, the first rows are taken, so that the result has exactly `limit`
    rows if there are as many. A smaller limit always gives a subset of a larger one.
    """
    if limit is None or len(rows) <= limit:
        return list(rows)
    ranks = {row.user: _rank(fingerprint, row.user) for row in rows}
    ordered = sorted(range(len(rows)), key=lambda index: (ranks[rows[index].user], index))
    return [rows[index] for index in sorted(ordered[:limit])]


def _rank(fingerprint: str, user: str) -> str:
    return hashlib.sha256(f"{fingerprint}\0{user}".encode()).hexdigest()
