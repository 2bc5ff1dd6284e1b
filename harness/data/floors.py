"""Floors: texts made from the data alone, which every method has to beat.

A metric under which one of them wins does not measure how personal a text is.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, cycle, islice

from harness.data.checks import fold
from harness.data.retrieval import bm25_order
from harness.data.tasks import Task
from harness.data.words import has_marks, has_unspaced, joined, of_letters, words
from harness.types import Example, SplitData

SKYLINE = "skyline"
"""Name of texts that show what is possible, stored like floors; methods need not beat them."""
WORDS = 12
"""Words in the circle of the floor `floor-words`."""


@dataclass(frozen=True)
class Floor:
    """One floor.

    name: its name in tables and folders.
    meaning: what its texts are.
    texts: makes them, example id → text; empty where the data have nothing to take.
    """

    name: str
    meaning: str
    texts: Callable[[], Mapping[str, str]]


def floors(
    task: Task, test: SplitData, train: SplitData, say: Callable[[str], None] = lambda text: None
) -> list[Floor]:
    """Every floor of a test split.

    task: says which field of a profile entry is its text.
    test: the examples; their references give only the length of `floor-words`.
    train: targets of other users.
    say: takes a message if `floor-words` is left out because the training targets have no words.

    What is drawn depends on the test split's fingerprint alone, so that all methods, seeds and
    machines see the same floors. What needs training targets is left out where there are none, and
    `floor-other` where no other user has one. Texts are made when they are asked for.
    """

    def copied(pick: Callable[[Example], str]) -> Callable[[], dict[str, str]]:
        return lambda: {one.id: pick(one) if one.profile else "" for one in test.examples}

    def longest(example: Example) -> str:
        return max((entry[task.body] for entry in example.profile), key=len)

    def nearest(example: Example) -> str:
        return example.profile[bm25_order(task, example)[0]][task.body]

    found = [
        Floor("floor-longest", "the user's longest profile entry", copied(longest)),
        Floor("floor-first", "the profile entry that BM25 ranks first for x", copied(nearest)),
    ]
    writers = {one.user_id for one in train.references.values()}
    if all(writers - {example.user_id} for example in test.examples):
        meaning = "a training target of another user"
        found.append(Floor("floor-other", meaning, lambda: _others(test, train)))
    if any(_words_of(train)):
        meaning = f"the {WORDS} commonest {_unit(test, train)} of the training targets in a circle"
        found.append(Floor("floor-words", meaning, lambda: _circles(test, train)))
    elif writers:
        say("floor-words is left out: no training target has a word of letters alone")
    return found


def _others(test: SplitData, train: SplitData) -> dict[str, str]:
    """A training target of another user for each example."""
    draw = random.Random(f"floor {test.fingerprint}")
    targets = list(train.references.values())
    return {
        example.id: draw.choice([one for one in targets if one.user_id != example.user_id]).text
        for example in test.examples
    }


def _circles(test: SplitData, train: SplitData) -> dict[str, str]:
    """The commonest words of the training targets in a circle, as many as the reference has."""
    common = [word for word, _ in Counter(_words_of(train)).most_common(WORDS)]
    return {
        key: joined(islice(cycle(common), len(words(one.text))))
        for key, one in test.references.items()
    }


def _words_of(train: SplitData) -> Iterator[str]:
    """The words of the training targets that are letters alone, with their marks."""
    found = (word for one in train.references.values() for word in words(fold(one.text)))
    return filter(of_letters, found)


def _unit(test: SplitData, train: SplitData) -> str:
    """What is counted as a word, as a floor's meaning says it: other texts, another meaning."""
    trained = [one.text for one in train.references.values()]
    texts = chain((one.text for one in test.references.values()), trained)
    notes = {
        "letters where a script has no spaces": any(map(has_unspaced, texts)),
        "with combining marks": any(
            has_marks(fold(text)) for text in trained if not text.isascii()
        ),
    }
    said = ", ".join(note for note, holds in notes.items() if holds)
    return f"words ({said})" if said else "words"
