"""Texts that a good benchmark must not reward, made from what anyone has or from the reference.

Each takes a `Case` and gives a text. None but the skyline knows an author's preferences without
the reference.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.mini.habits import kinds
from harness.mini.sentences import sentences
from harness.mini.skyline import skyline
from harness.types import Example

WORDS = [
    "the",
    "and",
    "to",
    "of",
    "a",
    "in",
    "is",
    "it",
    "for",
    "that",
    "with",
    "on",
    "as",
    "this",
    "was",
    "but",
    "not",
    "at",
    "be",
    "so",
]


@dataclass(frozen=True)
class Case:
    """One test example: its reference, the same input by another author, another user's text."""

    example: Example
    aspects: tuple[str, ...]
    reference: str
    rewritten: str
    other: str

    @property
    def rng(self) -> random.Random:
        return random.Random(self.example.id)

    @property
    def profile(self) -> list[str]:
        return [entry["reviewText"] for entry in self.example.profile]

    @property
    def pieces(self) -> list[str]:
        """The reference's sentences with their marks."""
        found = sentences("product_review", self.reference)
        starts = [each.start for each in found]
        ends = [*starts[1:], len(self.reference)]
        return [self.reference[a:b] for a, b in zip(starts, ends, strict=True)]


def every_other(words: Sequence[str], between: str) -> str:
    return " ".join(part for word in words for part in (word, between))


def all_values(case: Case) -> str:
    """Every value of every kind in every section."""
    known = kinds("product_review")
    words = [
        " ".join(known[name].values.values())
        for name in ("intensifier", "praise", "hedge", "blame", "catchphrase")
    ]
    return "\n".join(f"- The *{each}* is {' '.join(words)}." for each in case.aspects)


def stuffed(case: Case) -> str:
    """The profile's frequent words after each aspect."""
    words = " ".join(case.profile).split()
    top = sorted(set(words), key=words.count, reverse=True)[:20]
    return ". ".join(f"The {each} is {' '.join(top)}" for each in case.aspects) + "."


def heads_and_a_loop(case: Case) -> str:
    """The reference's opening and first sentences, each with the same clause four times."""
    found = sentences("product_review", case.reference)
    pieces = case.pieces
    lines = pieces[:2]
    for each, piece in zip(found, pieces, strict=True):
        if each.head:
            lines.append(f"{piece.strip()} " + "It keeps its shape. " * 4 + "\n")
    return "".join(lines)


def shuffled(parts: Sequence[str], rng: random.Random, between: str) -> str:
    return between.join(rng.sample(list(parts), len(parts)))


def garbled(case: Case) -> str:
    """Two letters swapped in each long word."""
    return " ".join(
        word[0] + word[2] + word[1] + word[3:] if len(word) > 3 else word
        for word in case.reference.split(" ")
    )


TEXTS: dict[str, Callable[[Case], str]] = {
    "empty": lambda case: "",
    "the input": lambda case: case.example.input,
    "the profile, concatenated": lambda case: "\n".join(case.profile),
    "the longest profile text": lambda case: max(case.profile, key=len),
    "the profile with the aspects named first": lambda case: (
        ". ".join(case.aspects) + ".\n" + "\n".join(case.profile)
    ),
    "every value of every kind": all_values,
    "stuffed with the profile's words": stuffed,
    "function words in a circle": lambda case: " ".join(WORDS * 18),
    "another user's text": lambda case: case.other,
    "the same input by another author": lambda case: case.rewritten,
    "reference, words shuffled": lambda case: shuffled(case.reference.split(), case.rng, " "),
    "reference, sentences shuffled": lambda case: shuffled(case.pieces, case.rng, " "),
    "reference, words reversed": lambda case: " ".join(reversed(case.reference.split())),
    "reference, every other word blah": lambda case: every_other(case.reference.split(), "blah"),
    "reference, a blah sentence after each": lambda case: every_other(
        [piece.strip() for piece in case.pieces], "Blah blah."
    ),
    "reference, garbled": garbled,
    "reference, first sentences and a loop": heads_and_a_loop,
    "reference, first sentences alone": lambda case: "".join(
        piece
        for each, piece in zip(
            sentences("product_review", case.reference), case.pieces, strict=True
        )
        if each.head
    ),
    "reference, opening and closing alone": lambda case: case.pieces[0] + case.pieces[-1],
    "reference, last sentence looped": lambda case: case.pieces[-3] * 20,
    "reference, first quarter": lambda case: case.reference[: len(case.reference) // 4],
    "reference, first half": lambda case: case.reference[: len(case.reference) // 2],
    "reference twice": lambda case: f"{case.reference}\n{case.reference}",
    "skyline: profile's sentences, input's aspects": lambda case: skyline(case.example),
    "reference": lambda case: case.reference,
}
