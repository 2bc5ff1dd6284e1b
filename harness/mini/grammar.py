"""A brief and an author's preferences → a text, and the places where preferences show."""

import random
from dataclasses import dataclass
from string import ascii_lowercase

from harness.mini.brief import Brief
from harness.mini.habits import Preferences, kinds
from harness.mini.words import WORDINGS
from harness.mini.words.wording import Pool, Wording

ENDS_WITH = ("Overall", "All in all", "On the whole", "In the end")
"""Openings of a text's last paragraph; any author may use any of them."""
_MARKS = {"star": "*{}*", "box": "[{}]", "round": "({})", "tilde": "~{}~"}
_BULLETS = {"dash": "- ", "number": "{}) ", "plus": "+ "}


@dataclass(frozen=True)
class Place:
    """A place where a text shows a preference: its kind, its aspect (or None), character offset."""

    kind: str
    aspect: str | None
    offset: int


@dataclass(frozen=True)
class Written:
    """A text, and its places in order."""

    text: str
    places: tuple[Place, ...]


def write(
    brief: Brief,
    preferences: Preferences,
    rng: random.Random,
    *,
    long: bool,
    fresh: bool,
    invented: float = 0.0,
) -> Written:
    """The text that an author with these preferences writes about this brief.

    brief: what to cover; it alone decides which kinds of preference show in which section.
    preferences: the author's.
    rng: chooses the rest of the wording.
    long: a target (four sentences per aspect) rather than a profile text (two).
    fresh: whether wording reserved for test may occur.
    invented: share of phrases with an invented word, which teaches a model to copy unknown words.
    """
    return _Writer(brief, preferences, rng, long, fresh, invented).write()


class _Writer:
    """Builds one text; its methods append to `text` and `places`."""

    def __init__(
        self,
        brief: Brief,
        preferences: Preferences,
        rng: random.Random,
        long: bool,
        fresh: bool,
        invented: float,
    ) -> None:
        self.brief, self.preferences, self.rng = brief, preferences, rng
        self.long, self.fresh, self.invented = long, fresh, invented
        self.words: Wording = WORDINGS[brief.task]
        self.kinds = kinds(brief.task)
        self.text = ""
        self.places: list[Place] = []
        self.used: set[str] = set()

    def write(self) -> Written:
        self._show("opening", None)
        intro = self._pick("intro").format(subject=self.brief.subject)
        self.text += f". {_sentence(intro)}." if self.long or self.rng.random() < 0.5 else "."
        for number, aspect in enumerate(self.brief.ordered(self.preferences["order"]), 1):
            self._section(number, aspect)
        wrap = self._pick("wrap").format(subject=self.brief.subject)
        prose = self.preferences["layout"] == "prose"
        self.text += f"{' ' if prose else chr(10)}{self.rng.choice(ENDS_WITH)}, {wrap}. "
        self._show("closing", None)
        self.text += "."
        return Written(self.text, tuple(self.places))

    def _section(self, number: int, aspect: str) -> None:
        layout = self.preferences["layout"]
        self.text += " " if layout == "prose" else "\n"
        self._place("layout", aspect)
        self.text += _BULLETS.get(layout, "").format(number)
        if aspect in self.brief.good:
            self._praise(aspect)
        else:
            self._blame(aspect)

    def _praise(self, aspect: str) -> None:
        self._name(aspect, *self.rng.choice((("The ", ""), ("For me the ", ""), ("The ", " here"))))
        self.text += " is "
        self._show("intensifier", aspect)
        self.text += " "
        self._show("praise", aspect)
        self.text += f"{self._tail()}. "
        if "tag" in self.preferences:
            self._show("tag", aspect, capital=True)
            self.text += f", {self._say('good')}"
        else:
            self.text += _sentence(self._say("good"))
        if self.long:
            self.text += f". {_sentence(self._say('good'))}. {_sentence(self._say('good'))}. "
        self._assert(aspect)

    def _assert(self, aspect: str) -> None:
        """The catchphrase: after the one sentence of a short text, around a long text's last."""
        if self.long and self.rng.random() < 0.5:
            self._show("catchphrase", aspect, capital=True)
            self.text += f", {self._say('good')}."
            return
        self.text += _sentence(self._say("good")) if self.long else ""
        self.text += ", "
        self._show("catchphrase", aspect)
        self.text += "."

    def _blame(self, aspect: str) -> None:
        if self.rng.random() < 0.5:
            self._show("hedge", aspect, capital=True)
            self._name(aspect, " the ", " is ")
        else:
            self._name(aspect, "The ", " is, ")
            self._show("hedge", aspect)
            self.text += ", "
        self._show("blame", aspect)
        self.text += f"{self._tail()}. "
        for _ in range(3 if self.long else 1):
            self.text += f"{_sentence(self._say('bad'))}. "
        self.text = self.text.removesuffix(". ")
        self._place("ending", aspect)
        self.text += self.kinds["ending"].values[self.preferences["ending"]]

    def _name(self, aspect: str, before: str, after: str) -> None:
        self.text += before
        self._place("emphasis", aspect)
        self._place("order", aspect)
        self.text += _MARKS[self.preferences["emphasis"]].format(aspect) + after

    def _say(self, side: str) -> str:
        """A clause about the section's aspect, in lower case, without final punctuation."""
        does = self._pick(side)
        if not self.long:
            return self.rng.choice((f"it {does}", f"it {does} {self._pick('when')}"))
        shape = self.rng.randrange(5)
        if shape == 0:
            return f"it {does} {self._pick('when')}"
        if shape == 1:
            return f"{self._pick('when')} it {does}"
        if shape == 2:
            return f"as {self._pick('people')} says, it {does}"
        if shape == 3:
            return f"it {does}, {self._pick(side + '_ends')}"
        return f"it {does} and {self._pick(side)}"

    def _tail(self) -> str:
        return f" {self._pick('tails')}" if self.long and self.rng.random() < 0.5 else ""

    def _pick(self, pool: str) -> str:
        """A phrase of this pool, if possible (in six tries) one that the text does not have yet."""
        phrases: Pool = getattr(self.words, pool)
        for _ in range(6):
            phrase = phrases.choose(self.rng, self.fresh)
            if phrase not in self.used:
                break
        self.used.add(phrase)
        if self.invented and self.rng.random() < self.invented:
            return _with_invented_word(phrase, self.rng)
        return phrase

    def _show(self, kind: str, aspect: str | None, capital: bool = False) -> None:
        self._place(kind, aspect)
        words = self.kinds[kind].values[self.preferences[kind]]
        self.text += _sentence(words) if capital else words

    def _place(self, kind: str, aspect: str | None) -> None:
        self.places.append(Place(kind, aspect, len(self.text)))


def _with_invented_word(phrase: str, rng: random.Random) -> str:
    """The phrase with one of its words replaced by 3 to 8 random letters."""
    words = phrase.split()
    places = [index for index, word in enumerate(words) if word.isalpha()]
    if places:
        words[rng.choice(places)] = "".join(rng.choices(ascii_lowercase, k=rng.randint(3, 8)))
    return " ".join(words)


def _sentence(words: str) -> str:
    """The words with a capital first letter, otherwise unchanged."""
    return words[:1].upper() + words[1:]
