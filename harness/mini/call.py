"""A call: a place in a target where one of its author's preferences shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One such place, with what the parser needs to decide whether another text follows it.

    kind, family, held_out: of the preference.
    position: token of the reference, from 0, by the slice tokenizer.
    chance: the probability that another author of the split, drawn uniformly, does the same here.
    aspects: all aspects that the text must cover.
    aspect: the aspect of this section; None for the opening and the closing.
    expected: the value that a text must show to follow this call.
    before: for the kind "order", the aspect just before this one; None if this one comes first.
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
