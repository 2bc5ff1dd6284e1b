"""The pretraining corpus: chats by authors who do not occur in the benchmark.

A chat is either one document or a thread: several documents by one author, each after its own
input. No chat contains LongLaMP's profile prompt; a model meets it first in fine-tuning.
"""

import random
from dataclasses import dataclass

from harness.mini.brief import draw_brief
from harness.mini.grammar import Place, Written, write
from harness.mini.habits import Preferences, draw_preferences
from harness.mini.seeding import stream
from harness.mini.words import WORDINGS

STRANGERS = 0.05
"""Share of threads in which every document has another author, so that copying can be wrong."""

INVENTED = 0.08
"""Share of phrases with an invented word: the benchmark has words that are not in the corpus."""


@dataclass(frozen=True)
class Turn:
    """One document of a chat: its input, its text, and the places that show preferences."""

    input: str
    text: str
    places: tuple[Place, ...]


def single(rng: random.Random) -> tuple[Turn, ...]:
    """A chat with one document; three in four are long."""
    task = rng.choice(list(WORDINGS))
    return (_turn(task, _author(task, rng), rng, long=rng.random() < 0.75),)


def thread(rng: random.Random, shorts: int, *, long: bool) -> tuple[Turn, ...]:
    """A chat with `shorts` short documents by one author, then a long one if `long` is true."""
    task = rng.choice(list(WORDINGS))
    lengths = [False] * shorts + [True] * long
    if rng.random() < STRANGERS:
        return tuple(_turn(task, _author(task, rng), rng, long=each) for each in lengths)
    author = _author(task, rng)
    return tuple(_turn(task, author, rng, long=each) for each in lengths)


def habit_probes(count: int, seed: int) -> list[tuple[tuple[Turn, ...], tuple[Turn, ...]]]:
    """Pairs of threads that end with the same long document.

    The short documents before it are by the same author in the first thread, by another in the
    second. The difference in the document's loss says how much a model imitates its context.
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
