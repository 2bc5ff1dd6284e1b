"""Donors: other users for an example, random or nearest in topic. The same for every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.errors import DataError
from harness.statistics import resampling_rng


def random_donors(
    user_ids: Sequence[str], users: Sequence[str], fingerprint: str, count: int = 4
) -> list[list[str]]:
    """For every example, `count` random users other than its own.

    user_ids: the user of each example.
    users: whom to draw from.
    fingerprint: the data's, which seeds the draw.
    count: donors for each example; fewer where there are fewer users.

    Raises DataError if there is no other user.
    """
    known = list(dict.fromkeys(users))
    rng = resampling_rng(f"donors {fingerprint}")
    chosen = []
    for user in user_ids:
        others = _others(user, known)
        order = rng.permutation(len(others))[:count]
        chosen.append([others[index] for index in order])
    return chosen


def topic_donors(
    user_ids: Sequence[str],
    queries: Sequence[str],
    documents: Mapping[str, str],
    fingerprint: str,
    count: int = 4,
) -> list[list[str]]:
    """For every example, the `count` other users whose document is nearest to its query by BM25.

    user_ids: the user of each example.
    queries: the topic of each example, its input x.
    documents: user id → the texts of the profile, joined.
    fingerprint: the data's, which seeds the order of ties.
    count: donors for each example; fewer where there are fewer users.

    BM25Okapi on lower-cased white-space tokens, best first. Raises DataError if there is no other
    user.
    """
    from rank_bm25 import BM25Okapi

    known = list(documents)
    rng = resampling_rng(f"donors {fingerprint}")
    known = [known[index] for index in rng.permutation(len(known))]
    # BM25Okapi divides by the mean length, which is 0 if no document has a word
    index = BM25Okapi([documents[user].lower().split() or [""] for user in known])
    chosen: dict[tuple[str, str], list[str]] = {}
    for user, query in dict.fromkeys(zip(user_ids, queries, strict=True)):
        _others(user, known)
        scores = index.get_scores(query.lower().split())
        ranked = (known[index] for index in np.argsort(-scores, kind="stable"))
        chosen[user, query] = [other for other in ranked if other != user][:count]
    return [chosen[pair] for pair in zip(user_ids, queries, strict=True)]


def _others(user: str, known: Sequence[str]) -> list[str]:
    others = [other for other in known if other != user]
    if not others:
        raise DataError(f"user {user!r} is alone; a donor needs at least one other user")
    return others
