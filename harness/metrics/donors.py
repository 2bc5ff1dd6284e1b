"""Donors: other users for an example, random or nearest in topic. The same for every method."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from harness.data.content import LARGE, characters_of, profile_digest, task_digest
from harness.data.prepared import prepared
from harness.data.tasks import Task
from harness.errors import DataError
from harness.metrics.word_search import WordSearch
from harness.statistics import resampling_rng
from harness.types import Example

FORMAT = 1
"""Increase it when other donors are chosen, so that cached ones are ignored."""


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
    _refuse_alone(users)
    places = {user: place for place, user in enumerate(users)}
    rng = resampling_rng(f"donors {fingerprint}")
    chosen = []
    for example in examples:
        own = places[example.user_id]
        order = rng.permutation(len(users) - 1)[:count]  # of all users but the example's
        chosen.append([users[index + (index >= own)] for index in order])
    return chosen


def topic_donors(
    examples: Sequence[Example], task: Task, fingerprint: str, count: int = 4
) -> TopicDonors:
    """For every example, the `count` other users whose profile is nearest to its input by BM25.

    examples: their users are the candidates, each with the profile of the user's last example.
    task: says what retrieval reads of an input and of an entry.
    fingerprint: the data's, which seeds the order of ties.
    count: donors for each example; fewer where there are fewer users.

    BM25Okapi on lower-cased white-space tokens, best first. Those of large data are cached by
    content. Raises DataError if there is no other user.
    """
    _refuse_alone([example.user_id for example in examples])
    users = [(example.user_id, example.input) for example in examples]
    digests = [profile_digest(example.profile) for example in examples]
    key = [FORMAT, task_digest(task), fingerprint, count, users, digests]

    def make(folder: Path) -> None:
        found = _topic_donors(examples, task, fingerprint, count)
        (folder / "donors.json").write_text(json.dumps(asdict(found)), encoding="utf-8")

    def read(folder: Path) -> TopicDonors:
        return TopicDonors(**json.loads((folder / "donors.json").read_text("utf-8")))

    large = characters_of(example.profile for example in examples) >= LARGE
    return prepared("donors", key, make, read, keep=large)


def _topic_donors(
    examples: Sequence[Example], task: Task, fingerprint: str, count: int
) -> TopicDonors:
    profiles = {example.user_id: example.profile for example in examples}
    users = list(profiles)
    rng = resampling_rng(f"donors {fingerprint}")
    users = [users[index] for index in rng.permutation(len(users))]
    asked = list(dict.fromkeys((one.user_id, one.input) for one in examples))
    queries = {text: task.query(text).lower().split() for _, text in asked}
    documents = (" ".join(map(task.retrieved, profiles[user])).lower() for user in users)
    search = WordSearch(documents, {word for query in queries.values() for word in query})
    chosen: dict[tuple[str, str], tuple[list[str], bool]] = {}
    for user, text in asked:
        scores = search.scores(queries[text])
        order = np.argsort(-scores, kind="stable")
        ranked = [at for at in order[: count + 1].tolist() if users[at] != user][:count]
        # all other users have the same score
        last = order[-1] if users[order[-1]] != user else order[-2]
        tied = len(users) - 1 > count and scores[ranked[0]] == scores[last]
        chosen[user, text] = [users[at] for at in ranked], bool(tied)
    found = [chosen[one.user_id, one.input] for one in examples]
    return TopicDonors([donors for donors, _ in found], sum(tied for _, tied in found))


def _refuse_alone(users: Sequence[str]) -> None:
    if len(set(users)) == 1:
        raise DataError(f"user {users[0]!r} is alone; a donor needs at least one other user")
