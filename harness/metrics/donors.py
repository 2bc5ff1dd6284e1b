"""Donors: other users for an example, random or nearest in topic. The same for every method."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress, islice
from pathlib import Path

import numpy as np

from harness.data.checks import fold, holds
from harness.data.content import LARGE, characters_of, profile_digest, task_digest
from harness.data.prepared import prepared
from harness.data.tasks import Task
from harness.errors import DataError
from harness.metrics.word_search import WordSearch
from harness.registry import find
from harness.statistics import resampling_rng
from harness.types import Entry, Example, SplitData

FORMAT = 3
"""Increase it when other donors are chosen, so that cached ones are ignored."""
Order = tuple[Iterator[str], bool]
"""Other users for an example, the first to be chosen first; whether their order is a tie's."""


@dataclass(frozen=True)
class Donors:
    """The donors of each example, the first in order first.

    tied: examples whose donors were drawn at random, because BM25 scores all other users alike, as
    where the input shares no word with their profiles.
    shared: ids of the examples for which a user was passed over, whose profile contains the
    example's target, as of a text by two authors.
    """

    users: list[list[str]]
    tied: int = 0
    shared: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pool:
    """The examples that donors are chosen for, whose users are the candidates.

    examples: a candidate has the profile of its last example; one without an entry there is none.
    task: says what retrieval reads of an input and of an entry, and which texts of a profile are
        compared with a target.
    targets: each example's text to generate; a user whose profile contains it is passed over.
    fingerprint: the data's, which seeds draws and the order of ties.
    """

    examples: Sequence[Example]
    task: Task
    targets: Sequence[str]
    fingerprint: str

    @classmethod
    def of(cls, split: SplitData) -> Pool:
        """All examples of a split."""
        return cls(split.examples, find("task", split.task), split.targets, split.fingerprint)

    @property
    def candidates(self) -> dict[str, Sequence[Entry]]:
        """The users with entries, in the order of their first example, and their profiles."""
        profiles = {example.user_id: example.profile for example in self.examples}
        return {user: profile for user, profile in profiles.items() if len(profile)}


def random_donors(pool: Pool, count: int = 4) -> Donors:
    """For every example, `count` random users other than its own; fewer if there are fewer.

    Raises DataError if there is no other user.
    """
    _refuse_alone([example.user_id for example in pool.examples])
    users = list(pool.candidates)
    places = {user: place for place, user in enumerate(users)}

    def orders() -> Iterator[Order]:
        rng = resampling_rng(f"donors {pool.fingerprint}")
        for example in pool.examples:
            own = places.get(example.user_id, len(users))  # it may have no entry itself
            others = rng.permutation(len(users) - (own < len(users)))  # all users but the example's
            yield _others(users, others, own), False

    return _chosen(pool, count, orders)


def _others(users: Sequence[str], order: Iterable[int], own: int) -> Iterator[str]:
    """The users of an order that leaves out the one at `own`; none if `own` is past the last."""
    return (users[index + (index >= own)] for index in order)


def topic_donors(pool: Pool, count: int = 4) -> Donors:
    """For every example, the `count` other users whose profile is nearest to its input by BM25;
    fewer where there are fewer users.

    BM25Okapi on lower-cased white-space tokens, best first. Those of large data are cached by
    content. Raises DataError if there is no other user.
    """
    examples = pool.examples
    _refuse_alone([example.user_id for example in examples])
    users = [(example.user_id, example.input) for example in examples]
    digests = [profile_digest(example.profile) for example in examples]
    names = [example.id for example in examples]
    key = [FORMAT, task_digest(pool.task), pool.fingerprint, count, users, digests, names,
           list(pool.targets)]  # fmt: skip

    def make(folder: Path) -> None:
        found = _topic_donors(pool, count)
        (folder / "donors.json").write_text(json.dumps(asdict(found)), encoding="utf-8")

    def read(folder: Path) -> Donors:
        return Donors(**json.loads((folder / "donors.json").read_text("utf-8")))

    large = characters_of(example.profile for example in examples) >= LARGE
    return prepared("donors", key, make, read, keep=large)


def _topic_donors(pool: Pool, count: int) -> Donors:
    task, profiles = pool.task, pool.candidates
    users = list(profiles)
    rng = resampling_rng(f"donors {pool.fingerprint}")
    users = [users[index] for index in rng.permutation(len(users))]
    queries = {one.input: task.query(one.input).lower().split() for one in pool.examples}
    documents = (" ".join(map(task.retrieved, profiles[user])).lower() for user in users)
    places = {user: place for place, user in enumerate(users)}
    search = WordSearch(documents, {word for query in queries.values() for word in query})

    def orders() -> Iterator[Order]:
        for example in pool.examples:
            scores = search.scores(queries[example.input])
            order = np.argsort(-scores, kind="stable")
            order = order[order != places.get(example.user_id, len(users))]
            # all other users have the same score
            tied = len(order) > count and scores[order[0]] == scores[order[-1]]
            yield (users[at] for at in order), bool(tied)

    return _chosen(pool, count, orders)


def _chosen(pool: Pool, count: int, orders: Callable[[], Iterable[Order]]) -> Donors:
    """The first `count` users of every order whose profile does not contain the example's target.

    orders: makes an order for each example, the same each time it is called. It is called again
    only where a target was found in another user's profile.
    """
    found = [(list(islice(users, count)), tied) for users, tied in orders()]
    chosen = [users for users, _ in found]
    folded = [fold(target) for target in pool.targets]
    task, profiles = pool.task, pool.candidates
    shared = _shared(task, profiles, folded, chosen)
    for place, (users, _) in enumerate(orders() if shared else ()):
        if place in shared:
            target = [folded[place]]
            kept = (user for user in users if not any(holds(task, profiles[user], target)))
            chosen[place] = list(islice(kept, count))
    tied = sum(tied for _, tied in found)
    return Donors(chosen, tied, [pool.examples[place].id for place in sorted(shared)])


def _shared(
    task: Task,
    profiles: Mapping[str, Sequence[Entry]],
    targets: Sequence[str],
    chosen: Sequence[Sequence[str]],
) -> set[int]:
    """Places of the examples whose target is in a chosen user's profile.

    task: says which texts of a profile are compared.
    profiles: user → profile; each is read once, in this order, as large ones lie in a file.
    targets: folded, of each example.
    chosen: the users for each example.
    """
    asking: dict[str, list[int]] = {}
    for place, users in enumerate(chosen):
        for user in users:
            asking.setdefault(user, []).append(place)
    found: set[int] = set()
    for user, profile in profiles.items():
        if places := asking.get(user):
            held = holds(task, profile, [targets[place] for place in places])
            found.update(compress(places, held))
    return found


def _refuse_alone(users: Sequence[str]) -> None:
    if len(set(users)) == 1:
        raise DataError(f"user {users[0]!r} is alone; a donor needs at least one other user")
