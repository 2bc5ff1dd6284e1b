"""What a text must cover: its subject and its aspects, and LongLaMP's phrasing of that as input."""

import random
from dataclasses import dataclass

from harness.mini.seeding import reserved
from harness.mini.words import WORDINGS, abstract, review, topic

_SYLLABLES = tuple(
    "nor vel mar tis kan dor lu pex bri sol tem ray fen gol hal min".split()  # noqa: SIM905
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_RATINGS = {1: "1.0", 2: "2.0", 3: "3.0", 4: "4.0", 5: "5.0"}


@dataclass(frozen=True)
class Brief:
    """What one text is about.

    subject: as the text calls it. title: as the input calls it (description, title or place).
    good, bad: aspects to praise and to blame, in the order of the input; disjoint. Each is a noun
    after its number in the input ("third lid"), so that a text can name it by copying what follows
    the number: a model of a million parameters does not find a list's next member by itself.
    rating: stars, "1.0" to "5.0"; used by reviews.
    """

    task: str
    subject: str
    title: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    rating: str

    @property
    def aspects(self) -> tuple[str, ...]:
        """Good ones, then bad ones."""
        return self.good + self.bad

    def ordered(self, order: str) -> tuple[str, ...]:
        """The aspects in the order of an author who keeps to `order`, a value of that kind.

        "alternating" starts with the longer list, and ends with what it has left over.
        """
        if order == "good first":
            return self.good + self.bad
        if order == "bad first":
            return self.bad + self.good
        longer, shorter = sorted((self.good, self.bad), key=len, reverse=True)
        pairs = [pair for both in zip(longer, shorter, strict=False) for pair in both]
        return (*pairs, *longer[len(shorter) :])

    @property
    def summary(self) -> str:
        """What is liked, each after a plus, then what is not, each after a minus."""
        return " ".join(self._items)

    @property
    def _items(self) -> list[str]:
        return [f"+{aspect}" for aspect in self.good] + [f"-{aspect}" for aspect in self.bad]

    @property
    def input(self) -> str:
        """LongLaMP's input for this text."""
        if self.task == "product_review":
            return (
                "Generate the review text written by a reviewer who has a given an overall rating "
                f'of "{self.rating}" for a product with description "{self.title}". '
                f'The summary of the review text is "{self.summary}".'
            )
        if self.task == "abstract_generation":
            numbered = " ".join(f"{number}. {item}" for number, item in enumerate(self._items, 1))
            asked = f'Generate an abstract for the title "{self.title}" using the following items: '
            return asked + numbered
        return f'Generate the content for a reddit post "{self.post}"'

    @property
    def post(self) -> str:
        """The title of a forum post: the place, the likes and the dislikes."""
        return f"{self.title}: {self.summary}"


def draw_brief(task: str, rng: random.Random, *, sections: int, fresh: bool) -> Brief:
    """A subject and `sections` aspects, of which at least one is good and one is bad.

    fresh: whether the title is one reserved for validation and test.
    """
    while True:
        subject, title = _title(task, rng, fresh)
        if reserved("title", task, title) == fresh:
            break
    nouns = rng.sample(WORDINGS[task].aspects, sections)
    aspects = tuple(f"{place} {noun}" for place, noun in zip(_ORDINALS, nouns, strict=False))
    half = sections // 2
    good = rng.randint(max(1, half - 1), min(sections - 1, sections - half + 1))
    stars = round(1 + 4 * good / sections)
    return Brief(task, subject, title, aspects[:good], aspects[good:], _RATINGS[stars])


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(2)).capitalize()


def _title(task: str, rng: random.Random, fresh: bool) -> tuple[str, str]:
    """The subject as the text calls it, and the title as the input calls it."""
    if task == "product_review":
        noun = review.NOUNS.choose(rng, fresh)
        return noun, f"{_name(rng)} {noun}, {review.MAKES.choose(rng, fresh)}"
    if task == "abstract_generation":
        manner = abstract.MANNERS.choose(rng, fresh)
        method = abstract.METHODS.choose(rng, fresh)
        domain = abstract.DOMAINS.choose(rng, fresh)
        return f"{manner} {method}".lower(), f"{manner} {method} for {domain}"
    noun = topic.SITUATIONS.choose(rng, fresh)
    return noun, f"My {noun} in {_name(rng)}"
