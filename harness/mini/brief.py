"""What a text must cover: a subject and aspects, and their wording as a LongLaMP input."""

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
    """The content of one text.

    subject: its name in the text.
    title: its name in the input (description, title or place).
    good, bad: the aspects to praise and to criticise, in the order of the input; disjoint. Each is
    an ordinal and a noun ("third lid"), so that a text can name it by copying what follows the
    ordinal: a model with a million parameters cannot find the next member of a list otherwise.
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
        """The good aspects, then the bad ones."""
        return self.good + self.bad

    def ordered(self, order: str) -> tuple[str, ...]:
        """The aspects in the order of an author whose preference for `order` is this value.

        "alternating" starts with the longer list and ends with the rest of it.
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
        """The good aspects, each after a plus, then the bad ones, each after a minus."""
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
            request = (
                f'Generate an abstract for the title "{self.title}" using the following items: '
            )
            return request + numbered
        return f'Generate the content for a reddit post "{self.post}"'

    @property
    def post(self) -> str:
        """The title of a forum post: the place, the likes and the dislikes."""
        return f"{self.title}: {self.summary}"


def draw_brief(task: str, rng: random.Random, *, sections: int, fresh: bool) -> Brief:
    """A subject and `sections` aspects, with at least one good and one bad.

    task: whose wording to use.
    rng: the source of randomness.
    sections: the number of aspects.
    fresh: whether to use a title reserved for validation and test.
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
    """The subject's name in the text, and its title in the input."""
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
