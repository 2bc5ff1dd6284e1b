"""The parts of a task's wording."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Pool:
    """Phrases to choose from; `fresh` ones occur in no training text.

    Validation uses fresh wording only in titles. It serves to choose a learning rate, and unknown
    sentences would favour the rate that changes a model least.
    """

    common: tuple[str, ...]
    fresh: tuple[str, ...] = ()

    def choose(self, rng: random.Random, fresh: bool) -> str:
        """One phrase; in a fresh text, about one in three is fresh."""
        unseen = fresh and bool(self.fresh) and rng.random() < 1 / 3
        return rng.choice(self.fresh if unseen else self.common)

    def all(self) -> tuple[str, ...]:
        """Every phrase."""
        return self.common + self.fresh


@dataclass(frozen=True)
class Wording:
    """Phrases of one task. None contains an aspect or a word that shows a preference.

    aspects: what a text can be about.
    good, bad: what "it" does.
    people: who says so.
    when: where and when.
    good_ends, bad_ends: ends of a sentence, after a comma.
    tails: continuations of the verdict in an aspect's first sentence.
    intro: the sentence after the opening, with {subject}.
    wrap: what follows "Overall,", with {subject}.
    """

    aspects: tuple[str, ...]
    good: Pool
    bad: Pool
    people: Pool
    when: Pool
    good_ends: Pool
    bad_ends: Pool
    tails: Pool
    intro: Pool
    wrap: Pool


def split(text: str) -> tuple[str, ...]:
    """The phrases of a string in which bars separate them."""
    return tuple(phrase.strip() for phrase in text.split("|"))
