"""Where a text shows its author's preferences: the characters of each, by kind."""

from collections.abc import Mapping, Sequence

from harness.mini.answer import answers
from harness.mini.call import Call
from harness.mini.habits import kinds
from harness.mini.parser import QUOTES, Section, find_sections, found_words
from harness.mini.sentences import BULLET

Place = tuple[str, int, int]
"""Kind, and characters [start, end)."""


def places(calls: Sequence[Call], text: str) -> tuple[Place, ...]:
    """The places that show an expected value, for the calls that the text follows, in its order.

    A word or phrase covers its own characters, an order the aspect that comes next, emphasis its
    opening mark, a layout the start of its section, an ending the punctuation.
    """
    plain = text.translate(QUOTES)
    if not calls or len(plain) != len(text):
        return ()
    sections = {section.aspect: section for section in find_sections(calls[0].aspects, plain)}
    found = {
        place
        for call, answer in zip(calls, answers(tuple(calls), text), strict=True)
        if answer.followed and (place := _place(call, plain, sections)) is not None
    }
    return tuple(sorted(found, key=lambda place: place[1:]))


def _place(call: Call, text: str, sections: Mapping[str, Section]) -> Place | None:
    """Where a followed call shows its value.

    call: the call.
    text: the whole text.
    sections: aspect → its section.
    """
    section = None if call.aspect is None else sections[call.aspect]
    start, end = (0, len(text)) if section is None else (section.start, section.end)
    if section is not None and call.kind == "layout":
        bullet = BULLET.match(text, start)
        first = end - len(text[start:end].lstrip())
        return call.kind, first, bullet.end() if bullet else first + 1
    if section is not None and call.kind == "order":
        return call.kind, *section.mention
    if section is not None and call.kind == "emphasis":
        return call.kind, section.mention[0] - 1, section.mention[0]
    if call.kind == "ending":
        kept = text[start:end].rstrip(" \t\r\n'*])~+-")
        return call.kind, start + len(kept.rstrip(".!?")), start + len(kept)
    words = kinds(call.task)[call.kind].values[call.expected]
    matches = found_words(words, text, start, end)
    if not matches:
        return None
    return call.kind, *matches[-1 if call.kind == "closing" else 0]
