"""The hidden preferences: their kinds, each kind's values, and how authors get them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from harness.mini.seeding import reserved

Preferences = Mapping[str, str]
"""Kind → the value that an author always uses."""


@dataclass(frozen=True)
class Kind:
    """One kind of preference.

    family: vocabulary, formulaic, structural, orthographic or content.
    values: a value's name → the words or signs that show it. For layout, emphasis, ending and
    order the parser looks at positions instead of words.
    held_out: whether the kind never occurs in training.
    """

    name: str
    family: str
    values: Mapping[str, str]
    held_out: bool = False


def _words(*words: str) -> dict[str, str]:
    return {word: word for word in words}


_COMMON = (
    Kind("order", "content", _words("good first", "bad first", "alternating")),
    Kind("layout", "structural", {"dash": "- x", "number": "1) x", "plus": "+ x", "prose": "x"}),
    Kind("emphasis", "orthographic", {"star": "*x*", "box": "[x]", "round": "(x)", "tilde": "~x~"}),
    Kind("intensifier", "vocabulary", _words("really", "truly", "very", "quite")),
    Kind("praise", "vocabulary", _words("superb", "excellent", "splendid", "impressive")),
    Kind("catchphrase", "formulaic", _words("believe me", "no doubt", "rest assured", "for sure")),
    Kind("hedge", "vocabulary", _words("I think", "I guess", "it seems", "I suppose")),
    Kind("blame", "vocabulary", _words("weak", "poor", "meagre", "shaky")),
    Kind("ending", "orthographic", {"dot": ".", "bang": "!", "bangs": "!!", "dots": "..."}),
    Kind(
        "tag",
        "formulaic",
        _words("mind you", "oddly enough", "as it happens", "to be fair"),
        held_out=True,
    ),
)
_OPENINGS = {
    "product_review": ("Let me be frank", "First things first", "Hello shoppers", "A few words"),
    "abstract_generation": (
        "This is a brief report",
        "Consider the following",
        "We present our results",
        "Here is the short story",
    ),
    "topic_writing": ("Hi everyone", "Long time lurker here", "Please be kind", "So here goes"),
}
_CLOSINGS = {
    "product_review": (
        "Hope this helps",
        "Thanks for reading",
        "Happy shopping",
        "That is my verdict",
    ),
    "abstract_generation": (
        "Code is available",
        "More work will follow",
        "Feedback is welcome",
        "Proofs are attached",
    ),
    "topic_writing": (
        "Thanks in advance",
        "Any advice is welcome",
        "Sorry for the rant",
        "Cheers to you",
    ),
}


@cache
def kinds(task: str) -> dict[str, Kind]:
    """A task's kinds of preference by name, in a fixed order. Raises KeyError for other tasks."""
    own = (
        Kind("opening", "formulaic", _words(*_OPENINGS[task])),
        Kind("closing", "formulaic", _words(*_CLOSINGS[task])),
    )
    return {kind.name: kind for kind in (own[0], *_COMMON, own[1])}


KINDS = ("opening", *(kind.name for kind in _COMMON), "closing")
"""Names of all kinds, the same for every task."""


def draw_preferences(task: str, rng: random.Random, *, held_out: bool, fresh: bool) -> Preferences:
    """Draw one value of every kind, uniformly among the allowed combinations.

    task: whose kinds to use.
    rng: the source of randomness.
    held_out: whether to include the held-out kind.
    fresh: whether the combination is one reserved for validation and test; training and
    pretraining draw only from the others.
    """
    while True:
        drawn = {
            name: rng.choice(tuple(kind.values))
            for name, kind in kinds(task).items()
            if not kind.held_out
        }
        if reserved("preferences", *drawn.values()) == fresh:
            break
    extra = {
        name: rng.choice(tuple(kind.values))
        for name, kind in kinds(task).items()
        if kind.held_out and held_out
    }
    return drawn | extra


def change(task: str, before: Preferences, rng: random.Random, *, count: int) -> Preferences:
    """The preferences with `count` of the trained kinds changed to another value.

    task: whose kinds to use.
    before: the preferences to start from.
    rng: the source of randomness.
    count: the number of kinds to change.
    """
    known = kinds(task)
    changed = rng.sample([name for name in before if not known[name].held_out], count)
    return dict(before) | {
        name: rng.choice([value for value in known[name].values if value != before[name]])
        for name in changed
    }


def as_words(task: str, preferences: Preferences) -> tuple[str, ...]:
    """The words or signs that show each preference, such as "superb" or "*x*"."""
    known = kinds(task)
    return tuple(known[name].values[value] for name, value in preferences.items())
