"""Donors: other users for an example, random or nearest in topic. The same for every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.tasks import Task
from harness.errors import DataError
from harness.statistics import resampling_rng
from harness.types import Example


@dataclass(frozen=True)
class TopicDonors:
    """The donors of each example, nearest in topic first.

    tied: examples whose donors were drawn at random, because BM25 scores all other users alike, as
    where the input shares no word with their profiles.
    """

    users: list[list[str]]
    tied: int


def random_donors(examples: Sequence[Example], fingerprint: str, count: int = 4) -> list[list[str]]:
    """For every example, `count` random users other than its own; fewer if there are fewer.

    fingerprint: the data's, which seeds the draw.

    Raises DataError if there is no other user.
    """
    users = list(dict.fromkeys(example.user_id for example in examples))
    rng = resampling_rng(f"donors {fingerprint}")
    chosen = []
    for example in examples:
        others = _others(example.user_id, users)
        order = rng.permutation(len(others))[:count]
        chosen.append([others[index] for index in order])
    return chosen


def topic_donors(
    examples: Sequence[Example], task: Task, fingerprint: str, count: int = 4
) -> TopicDonors:
    """For every example, the `count` other users whose profile is nearest to its input by BM25.

    examples: their users are the candidates, each with the profile of the user's last example.
    task: says what retrieval reads of an input and of an entry.
    fingerprint: the data's, which seeds the order of ties.
    count: donors for each example; fewer where there are fewer users.

    BM25Okapi on lower-cased white-space tokens, best first. Raises DataError if there is no other
    user.
    """
    from rank_bm25 import BM25Okapi

    profiles = {example.user_id: example.profile for example in examples}
    users = list(profiles)
    rng = resampling_rng(f"donors {fingerprint}")
    users = [users[index] for index in rng.permutation(len(users))]
    documents = [" ".join(map(task.retrieved, profiles[user])).lower().split() for user in users]
    # BM25Okapi divides by the mean length, which is 0 if no document has a word
    index = BM25Okapi([document or [""] for document in documents])
    chosen: dict[tuple[str, str], tuple[list[str], bool]] = {}
    for user, text in dict.fromkeys((one.user_id, one.input) for one in examples):
        _others(user, users)
        scores = index.get_scores(task.query(text).lower().split())
        ranked = [at for at in np.argsort(-scores, kind="stable") if users[at] != user]
        tied = len(ranked) > count and scores[ranked[0]] == scores[ranked[-1]]
        chosen[user, text] = [users[at] for at in ranked[:count]], bool(tied)
    found = [chosen[one.user_id, one.input] for one in examples]
    return TopicDonors([donors for donors, _ in found], sum(tied for _, tied in found))


def _others(user: str, users: Sequence[str]) -> list[str]:
    others = [other for other in users if other != user]
    if not others:
        raise DataError(f"user {user!r} is alone; a donor needs at least one other user")
    return others
