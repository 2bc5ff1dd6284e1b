"""What author identification compares texts with: the words of each user, indexed once for a split.

The words are the long texts of a profile's entries. They are indexed by character n-grams and by
function words; the index of large data is cached by content, so that a run compares only its texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.data.content import LARGE, characters_of, profile_digest
from harness.data.prepared import prepared
from harness.data.tasks import Task
from harness.metrics.function_words import function_words, shares
from harness.metrics.ngrams import LONGEST, SHORTEST, NgramIndex, write_index
from harness.record.digest import json_sha256
from harness.statistics import Array
from harness.types import Example

FORMAT = 2
"""Increase it when an index of the same words changes, so that cached ones are ignored."""
SHARES, WORDED = "shares.npy", "worded.npy"


@dataclass(frozen=True)
class AuthorIndex:
    """Different words of users, a row each.

    users: user id → row.
    own: for each example, the row of its author's words, from the example's own profile: another
        example's profile of the same user may contain this one's reference.
    ngrams: the rows by character n-grams, weighted by the words of `users`.
    shares: the rows' shares of function words [W,F].
    worded: whether a row has words that a text can be compared with [W].
    """

    users: Mapping[str, int]
    own: Sequence[int]
    ngrams: NgramIndex
    shares: Array
    worded: NDArray[np.bool_]

    @property
    def comparable(self) -> list[str]:
        """The users who have words that a text can be compared with."""
        return [user for user, row in self.users.items() if self.worded[row]]


def author_index(examples: Sequence[Example], task: Task) -> AuthorIndex:
    """The index of a split's users; a user has the words of the last example."""
    digests = [profile_digest(example.profile) for example in examples]
    profiles = dict(zip(digests, (example.profile for example in examples), strict=True))
    last = {example.user_id: digest for example, digest in zip(examples, digests, strict=True)}

    def words() -> Iterable[str]:
        return (" ".join(entry[task.body] for entry in each) for each in profiles.values())

    large = characters_of(profiles.values()) >= LARGE
    key = [task.body, digests, list(last.values())]
    return _index(words, list(profiles), last, digests, key if large else None)


def _index(
    words: Callable[[], Iterable[str]],
    names: Sequence[str],
    users: Mapping[str, str],
    own: Sequence[str],
    key: object,
) -> AuthorIndex:
    """An index, cached under `key`; None: not cached.

    words: returns the different words of users, each time it is called.
    names: a name for each of them.
    users: user id → name of the user's words.
    own: the name of each example's words.
    """
    rows = {name: row for row, name in enumerate(names)}
    weights = np.bincount([rows[name] for name in users.values()], minlength=len(rows)).tolist()

    def make(folder: Path) -> None:
        write_index(folder, words, weights)
        np.save(folder / SHARES, np.stack([shares(text) for text in words()]))
        np.save(folder / WORDED, [len(text.strip()) >= SHORTEST for text in words()])

    def read(folder: Path) -> tuple[NgramIndex, Array, NDArray[np.bool_]]:
        return NgramIndex.read(folder), np.load(folder / SHARES), np.load(folder / WORDED)

    key = [FORMAT, SHORTEST, LONGEST, json_sha256(function_words()), key]
    found = prepared("authors", key, make, read, keep=key[-1] is not None)
    return AuthorIndex(
        {user: rows[name] for user, name in users.items()}, [rows[name] for name in own], *found
    )
