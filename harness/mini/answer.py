"""Where a text answers each call, and whether the answer follows the author's preference.

The parser finds the section of each aspect and the values that it shows. An answer counts only in
a section that is text of the grammar: its first sentence names and judges the aspect as the grammar
does, at least `SENTENCES` of its sentences, and more than half, are the grammar's, and none of
these was in the text before. More than half of the whole text's sentences must be such, too. So
neither padding nor a loop follows anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.metrics.slices import TOKEN
from harness.mini import parser
from harness.mini.call import Call
from harness.mini.parser import Section
from harness.mini.sentences import Sentence, sentences

SENTENCES = 3
"""Sentences of the grammar that a section needs; a target's sections have four or five."""


@dataclass(frozen=True)
class Answer:
    """How a text answers one call.

    followed: whether it shows the expected value, and no other, in text of the grammar.
    position: slice token of the text at which it answers, rightly or wrongly, from 0; None if the
        text has no place for the call.
    """

    followed: bool
    position: int | None


@dataclass(frozen=True)
class _Part:
    """An aspect's section: its text, all its sentences, and those of the grammar.

    own: the grammar's sentences on the side of the head; empty unless the section counts.
    """

    section: Section
    sentences: Sequence[Sentence]
    own: Sequence[Sentence]


@lru_cache(maxsize=1024)
def answers(calls: tuple[Call, ...], text: str) -> tuple[Answer, ...]:
    """For each call of one example, in order, how the text answers it.

    Sections may come in any order, except for calls of the kind "order". An empty text has no place
    for any call.
    """
    if not calls:
        return ()
    text = text.translate(parser.QUOTES)
    found = sentences(calls[0].task, text)
    parts = _parts(parser.find_sections(calls[0].aspects, text), found)
    return tuple(
        _answer(call, text, found, parts, shown)
        for call, shown in zip(calls, parser.shown(calls, text), strict=True)
    )


def _answer(
    call: Call, text: str, found: Sequence[Sentence], parts: Mapping[str, _Part], shown: bool
) -> Answer:
    """The answer to one call.

    call: the call.
    text: the whole text.
    found: its sentences.
    parts: its sections by aspect.
    shown: whether the parser finds the expected value, and no other.
    """
    if call.aspect is None:
        if not found:
            return Answer(False, None)
        own = any(each.content == call.expected.casefold() for each in found)
        place = found[0 if call.kind == "opening" else -1].start
        return Answer(shown and own and any(p.own for p in parts.values()), _token(text, place))
    part = parts.get(call.aspect)
    if part is None:
        return Answer(False, None)
    place = part.section.mention[0]
    last = part.sentences[-1] if part.sentences else None
    holding = [
        each
        for each in part.own
        if not each.head and parser.shows(call, text[each.start : each.end])
    ]
    if call.kind == "ending" and last:
        shown, place = shown and last in part.own, max(last.start, last.end - 1)
    elif call.kind in ("catchphrase", "tag"):
        shown = shown and bool(holding)
        place = holding[-1].start if holding else last.start if last else place
    return Answer(shown and bool(part.own), _token(text, place))


def _parts(sections: Sequence[Section], found: Sequence[Sentence]) -> dict[str, _Part]:
    """Aspect → its section, with the sentences that count."""
    before: set[str] = set()
    new = set()
    for each in found:
        if each.side and each.content not in before:
            new.add(each)
        before.add(each.content)
    parts = {}
    sound = 2 * len(new) > len(found)
    for section in sections:
        inside = [each for each in found if section.start <= each.start < section.end]
        head = next((each for each in inside if each.end >= section.mention[1]), None)
        own = [each for each in inside if head and each.side and each.side == head.side]
        fresh = sum(each in new for each in own)
        counts = sound and head in new and head is not None and head.head and fresh >= SENTENCES
        parts[section.aspect] = _Part(
            section, inside, own if counts and 2 * fresh > len(inside) else ()
        )
    return parts


def _token(text: str, place: int) -> int:
    """The slice token at this character, or the next one."""
    return len(TOKEN.findall(text[:place]))
