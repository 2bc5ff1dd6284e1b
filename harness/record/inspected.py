"""What `harness inspect` found out about the thoughts of a run, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.record.examples import user_digest

Of = Literal["text", "reference"]
WITHHELD = "…"
"""What stands where a text is left out."""


@dataclass(frozen=True)
class InspectedToken:
    """One token of a text. kl: nats by which thoughts moved its prediction.

    kinds: kinds of the user's habits that it shows, where the data source knows them.
    """

    text: str
    kl: float
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class InspectedThought:
    """One thought.

    position: the text's token that is predicted next after it is read, from 0.
    kl: nats by which it moves the prediction of that token.
    nearest: vocabulary tokens, nearest first.
    cosines: to the mean state of each of the example's entries.
    """

    position: int
    kl: float
    nearest: tuple[str, ...]
    cosines: tuple[float, ...]


@dataclass(frozen=True)
class InspectedExample:
    """The thoughts over one text, and the profile entries of its prompt, in the prompt's order."""

    id: str
    user_id: str
    entries: tuple[str, ...]
    tokens: tuple[InspectedToken, ...]
    thoughts: tuple[InspectedThought, ...]

    @property
    def before_text(self) -> bool:
        """Whether all thoughts precede the text, so that its tokens have none of their own."""
        return len(self.thoughts) > 1 and not any(each.position for each in self.thoughts)

    def without_texts(self) -> InspectedExample:
        """Its numbers, with WITHHELD for each token and entry, without nearest tokens, and with the
        user as in a record."""
        return replace(
            self,
            user_id=user_digest(self.user_id),
            entries=(WITHHELD,) * len(self.entries),
            tokens=tuple(replace(one, text=WITHHELD) for one in self.tokens),
            thoughts=tuple(replace(one, nearest=()) for one in self.thoughts),
        )


@dataclass(frozen=True)
class Mean:
    """A mean over tokens, or over thoughts.

    name: positions, a kind of habit, or the number of a thought.
    count: of tokens or thoughts.
    kl: mean nats by which thoughts move a prediction.
    cosine: mean over thoughts and entries; None where there is none.
    """

    name: str
    count: int
    kl: float
    cosine: float | None


@dataclass(frozen=True)
class Inspection:
    """The inspected examples of one run, with means over all their tokens.

    of: the written text, or the reference.
    whole: over all tokens.
    positions: by position in the text.
    kinds: by kind of habit, then all other tokens; empty where the source does not know habits.
    before: by number of the thought, where thoughts precede the text.
    notes: what is missing, and why.
    """

    run: str
    method: str
    task: str
    of: Of
    examples: tuple[InspectedExample, ...]
    whole: Mean
    positions: tuple[Mean, ...]
    kinds: tuple[Mean, ...]
    before: tuple[Mean, ...]
    notes: tuple[str, ...] = ()

    def without_texts(self) -> Inspection:
        """Its numbers alone, for data that must not be published."""
        return replace(self, examples=tuple(one.without_texts() for one in self.examples))
