"""The hidden preferences: their kinds, the values of each kind, and how an author gets them."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from harness.mini.seeding import reserved

Preferences = Mapping[str, str]
"""From kind to the value that an author keeps to."""


@dataclass(frozen=True)
class Kind:
    """One kind of preference.

    family: vocabulary, formulaic, structural, orthographic or content.
    values: from the value's name to the words or signs that show it, where words show it;
    the parser reads the other kinds (layout, emphasis, ending, order) from their place.
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


def kinds(task: str) -> dict[str, Kind]:
    """The kinds of preference of a task, by name, in a fixed order; KeyError for no task."""
    own = (
        Kind("opening", "formulaic", _words(*_OPENINGS[task])),
        Kind("closing", "formulaic", _words(*_CLOSINGS[task])),
    )
    return {kind.name: kind for kind in (own[0], *_COMMON, own[1])}


def draw_preferences(task: str, rng: random.Random, *, held_out: bool, fresh: bool) -> Preferences:
    """One value of every kind, uniformly, among combinations of the wanted side.

    held_out: whether the held-out kind is among them. fresh: whether the combination is one that
    is reserved for validation and test; training and pretraining draw from the others only.
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
    """The same preferences with `count` of the trained kinds moved to another value."""
    known = kinds(task)
    moved = rng.sample([name for name in before if not known[name].held_out], count)
    return dict(before) | {
        name: rng.choice([value for value in known[name].values if value != before[name]])
        for name in moved
    }


def as_words(task: str, preferences: Preferences) -> tuple[str, ...]:
    """Each preference as the words or signs that show it, such as "superb" or "*x*"."""
    known = kinds(task)
    return tuple(known[name].values[value] for name, value in preferences.items())
