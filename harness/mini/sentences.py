"""Which sentences of a text the grammar can write about an aspect.

A head names the aspect and judges it ("For me the [third lid] is very superb so far"); a clause
says what "it" does ("As my son says, it keeps its shape, no doubt"). Case, white space and the
marks around an aspect do not matter.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from harness.mini.habits import kinds
from harness.mini.words import WORDINGS

STOP = re.compile(r"(?<![.!?])[.!?]++['\])*~]*+(?=\s|$)|\n")
"""The end of a sentence. A run of marks is matched once, from its start: linear on any text."""
BULLET = re.compile(r"[ \t]*(?:(?P<dash>[-–—•])|(?P<number>\d+[.)])|(?P<plus>\+))[ \t]")
SIDES = ("good", "bad")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a text, as characters [start, end) without its final marks.

    side: good or bad, where the grammar can write it; None where it cannot.
    head: whether it is a head.
    content: what it says, in lower case: a clause without tag and catchphrase, or the words.
    """

    start: int
    end: int
    side: str | None
    head: bool
    content: str


def sentences(task: str, text: str) -> list[Sentence]:
    """The sentences of a text in order, blank ones left out."""
    found = []
    for start, first, end in _spans(text):
        words = " ".join(text[first:end].casefold().split())
        if words:
            blank = len(text[start:end]) - len(text[start:end].lstrip())
            found.append(_sentence(task, start + blank, end, words))
    return found


def _spans(text: str) -> Iterator[tuple[int, int, int]]:
    """Start, start of the words after a bullet, and end of each sentence."""
    line = 0
    while line < len(text):
        stop = text.find("\n", line)
        stop = len(text) if stop < 0 else stop
        bullet = BULLET.match(text, line, stop)
        start, first = line, bullet.end() if bullet else line
        for mark in STOP.finditer(text, first, stop):
            yield start, first, mark.start()
            start = first = mark.end()
        yield start, first, stop
        line = stop + 1


def _sentence(task: str, start: int, end: int, words: str) -> Sentence:
    heads, clauses = _patterns(task)
    for side in SIDES:
        if heads[side].fullmatch(words):
            return Sentence(start, end, side, True, words)
        if match := clauses[side].fullmatch(words):
            return Sentence(start, end, side, False, match["clause"])
    return Sentence(start, end, None, False, words)


@cache
def _patterns(task: str) -> tuple[dict[str, re.Pattern[str]], dict[str, re.Pattern[str]]]:
    """Side → the pattern of heads, and that of clauses; in lower case."""
    words, known = WORDINGS[task], kinds(task)
    values = {name: _any(kind.values.values()) for name, kind in known.items()}
    tail = f"(?: {_any(words.tails.all())})?"
    aspect = rf"[*\[(~]?[^\W\d_]+ {_any(words.aspects)}[*\])~]?"
    heads = {
        "good": f"(?:for me )?the {aspect}(?: here)? is"
        f" {values['intensifier']} {values['praise']}{tail}",
        "bad": f"(?:{values['hedge']} the {aspect} is|the {aspect} is, {values['hedge']},)"
        f" {values['blame']}{tail}",
    }
    people, when = _any(words.people.all()), _any(words.when.all())
    clauses = {}
    for side in SIDES:
        does = _any(getattr(words, side).all())
        ends = _any(getattr(words, f"{side}_ends").all())
        clause = (
            f"it {does}(?: {when}|, {ends}| and {does})?"
            f"|{when} it {does}|as {people} says, it {does}"
        )
        before = f"(?:(?:{values['tag']}|{values['catchphrase']}), )?"
        clauses[side] = f"{before}(?P<clause>{clause})(?:, {values['catchphrase']})?"
    return (
        {side: re.compile(pattern) for side, pattern in heads.items()},
        {side: re.compile(pattern) for side, pattern in clauses.items()},
    )


def _any(phrases: Iterable[str]) -> str:
    """A pattern for any of the phrases in lower case, longer ones first."""
    ordered = sorted((phrase.casefold() for phrase in phrases), key=len, reverse=True)
    return f"(?:{'|'.join(re.escape(phrase) for phrase in ordered)})"
