"""`--limit`: the data decide which examples are taken, never `--seed`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.types import Example


def take(examples: Sequence[Example], limit: int | None, fingerprint: str) -> Sequence[Example]:
    """At most `limit` examples, in file order.

    Users are taken in the order of sha256(fingerprint \\0 user), each with all their
    examples. Of the first user that does not fit, the first examples are taken, so that the result
    has exactly `limit` if there are as many. A smaller limit always gives a subset of a larger one.
    """
    if limit is None or len(examples) <= limit:
        return examples
    ranks = {one.user_id: _rank(fingerprint, one.user_id) for one in examples}
    ordered = sorted(range(len(examples)), key=lambda at: (ranks[examples[at].user_id], at))
    return [examples[index] for index in sorted(ordered[:limit])]


def _rank(fingerprint: str, user: str) -> str:
    return hashlib.sha256(f"{fingerprint}\0{user}".encode()).hexdigest()
