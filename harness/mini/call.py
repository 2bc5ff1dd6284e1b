"""A call: a place of a target where its author's preference shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One place, and what the parser needs to tell whether another text follows it.

    kind, family, held_out: of the preference. position: token of the reference, from 0, by the
    slice tokenizer. chance: probability that a uniformly drawn other author of the split does the
    same here. aspects: all that the text must cover. aspect: whose section it is, None for the
    opening and the closing. expected: the value called for. before: for the kind "order", the
    aspect that comes just before this one, None where this one comes first.
    """

    kind: str
    family: str
    position: int
    held_out: bool
    chance: float
    task: str
    aspects: tuple[str, ...]
    aspect: str | None
    expected: str
    before: str | None = None
