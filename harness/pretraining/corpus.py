"""What the backbones are pretrained on: chats of authors who occur nowhere in the benchmark.

A chat is either one document, or a thread: several documents of one author, each asked for by
its own input. No chat holds LongLaMP's profile prompt; learning to read that is fine-tuning's job.
"""

import random
from dataclasses import dataclass

from harness.mini.brief import draw_brief
from harness.mini.grammar import Place, Written, write
from harness.mini.habits import Preferences, draw_preferences
from harness.mini.seeding import stream
from harness.mini.words import WORDINGS

STRANGERS = 0.05
"""Share of threads whose documents have a different author each: imitation does not always pay."""

INVENTED = 0.08
"""Share of phrases with a word that does not exist; the benchmark has words never met before."""


@dataclass(frozen=True)
class Turn:
    """One document of a chat: its input, its text, and where the text shows preferences."""

    input: str
    text: str
    places: tuple[Place, ...]


def single(rng: random.Random) -> tuple[Turn, ...]:
    """A chat of one document; three in four are long."""
    task = rng.choice(list(WORDINGS))
    return (_turn(task, _author(task, rng), rng, long=rng.random() < 0.75),)


def thread(rng: random.Random, shorts: int, *, long: bool) -> tuple[Turn, ...]:
    """A chat of `shorts` short documents of one author, then a long one where `long` is true."""
    task = rng.choice(list(WORDINGS))
    lengths = [False] * shorts + [True] * long
    if rng.random() < STRANGERS:
        return tuple(_turn(task, _author(task, rng), rng, long=each) for each in lengths)
    author = _author(task, rng)
    return tuple(_turn(task, author, rng, long=each) for each in lengths)


def habit_probes(count: int, seed: int) -> list[tuple[tuple[Turn, ...], tuple[Turn, ...]]]:
    """Pairs of threads that end in the same long document.

    The short documents before it are by its author in the first, by another in the second: how
    much better the first predicts the document is how far a model imitates what it has just read.
    """
    probes = []
    for number in range(count):
        rng = stream("pretraining probe", seed, number)
        task = list(WORDINGS)[number % len(WORDINGS)]
        own, other = _author(task, rng), _author(task, rng)
        last = _turn(task, own, rng, long=True)
        before = [tuple(_turn(task, by, rng, long=False) for _ in range(3)) for by in (own, other)]
        probes.append(((*before[0], last), (*before[1], last)))
    return probes


def _author(task: str, rng: random.Random) -> Preferences:
    return draw_preferences(task, rng, held_out=False, fresh=False)


def _turn(task: str, author: Preferences, rng: random.Random, *, long: bool) -> Turn:
    sections = rng.choice((6, 7, 7)) if long else rng.choice((2, 3, 3, 4))
    brief = draw_brief(task, rng, sections=sections, fresh=False)
    written: Written = write(brief, author, rng, long=long, fresh=False, invented=INVENTED)
    return Turn(brief.input, written.text, written.places)
