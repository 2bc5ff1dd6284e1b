"""Other users for an example: drawn at random, or nearest in topic. The same for every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import DataError
from harness.statistics import resampling_rng


def random_donors(
    user_ids: Sequence[str], users: Sequence[str], fingerprint: str, count: int = 4
) -> list[list[str]]:
    """For every example, `count` of `users` without its own, drawn from the data's fingerprint.

    Fewer where there are not as many. Raises DataError where no other user is there.
    """
    known = list(dict.fromkeys(users))
    rng = resampling_rng(f"donors {fingerprint}")
    chosen = []
    for user in user_ids:
        others = _others(user, known)
        order = rng.permutation(len(others))[:count]
        chosen.append([others[at] for at in order])
    return chosen


def topic_donors(
    user_ids: Sequence[str],
    queries: Sequence[str],
    documents: Mapping[str, str],
    fingerprint: str,
    count: int = 4,
) -> list[list[str]]:
    """For every example, the `count` other users whose document is nearest to its query by BM25.

    queries: the topic of each example, its input x; documents: each user's profile texts in one,
    by user id. BM25Okapi on lower-cased white-space tokens, best first; ties in an order drawn
    from the data's fingerprint. Raises DataError where no other user is there.
    """
    from rank_bm25 import BM25Okapi

    known = list(documents)
    rng = resampling_rng(f"donors {fingerprint}")
    known = [known[at] for at in rng.permutation(len(known))]
    # BM25Okapi divides by the mean length: one document of no word would be 0 / 0
    index = BM25Okapi([documents[user].lower().split() or [""] for user in known])
    chosen: dict[tuple[str, str], list[str]] = {}
    for user, query in dict.fromkeys(zip(user_ids, queries, strict=True)):
        _others(user, known)
        scores = index.get_scores(query.lower().split())
        ranked = (known[at] for at in np.argsort(-scores, kind="stable"))
        chosen[user, query] = [other for other in ranked if other != user][:count]
    return [chosen[pair] for pair in zip(user_ids, queries, strict=True)]


def _others(user: str, known: Sequence[str]) -> list[str]:
    others = [other for other in known if other != user]
    if not others:
        raise DataError(f"user {user!r} is alone; a donor needs at least one other user")
    return others
