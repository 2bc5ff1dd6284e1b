"""Whether a text shows its author's preferences, call by call, in any wording.

A text has one section per aspect: from the sentence that first names the aspect to the sentence
that first names another one, or to the last paragraph. The opening belongs before the first
section, the closing in the last paragraph. A section shows a preference if it has the expected
value and no other value of that kind. `harness.mini.answer` decides which of these places count.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from harness.mini.call import Call
from harness.mini.grammar import ENDS_WITH
from harness.mini.habits import kinds
from harness.mini.sentences import BULLET, STOP

QUOTES = str.maketrans({"‘": "'", "’": "'", "“": "'", "”": "'", '"': "'", "`": "'", "…": "..."})
_MARKED = (("*", "*", "star"), ("[", "]", "box"), ("(", ")", "round"), ("~", "~", "tilde"))
_WRAP = re.compile(rf"\b(?:{'|'.join(ENDS_WITH)})\b", re.IGNORECASE)
_CLOSING_LENGTH, _OPENING_LENGTH = 300, 200
"""Characters to search for a closing and an opening if nothing else limits them."""


@dataclass(frozen=True)
class Section:
    """An aspect's part of a text, as characters [start, end); `mention` is its first mention."""

    aspect: str
    start: int
    end: int
    mention: tuple[int, int]


def shown(call_list: Sequence[Call], text: str) -> tuple[bool, ...]:
    """For each call of one example, whether the text shows the expected value, and no other.

    Case, the style of quotation marks and the order of the aspects do not matter (except for calls
    of the kind "order"). An empty text shows nothing.
    """
    if not call_list:
        return ()
    text = text.translate(QUOTES)
    sections = find_sections(call_list[0].aspects, text)
    by_aspect = {section.aspect: section for section in sections}
    return tuple(_shows(call, text, sections, by_aspect) for call in call_list)


def _shows(
    call: Call, text: str, sections: Sequence[Section], by_aspect: Mapping[str, Section]
) -> bool:
    if call.aspect is None:
        return shows(call, _edge(call.kind, text, sections))
    section = by_aspect.get(call.aspect)
    if section is None:
        return False
    if call.kind == "order":
        place = sections.index(section)
        return (sections[place - 1].aspect if place else None) == call.before
    if call.kind == "layout":
        return _layout(text, section) == call.expected
    if call.kind == "emphasis":
        return _emphasis(text, section) == call.expected
    part = text[section.start : section.end]
    if call.kind == "ending":
        return _ending(part) == call.expected
    return shows(call, part)


def find_sections(aspects: Sequence[str], text: str) -> list[Section]:
    """The sections of the aspects that the text names, in the order of the text."""
    # 1. The first mention of each aspect.
    matches = [(_word(aspect).search(text), aspect) for aspect in aspects]
    mentions = sorted((match.span(), aspect) for match, aspect in matches if match)
    # 2. A section starts with the sentence of its mention and ends where the next one starts.
    starts = [_sentence_start(text, span[0]) for span, _ in mentions]
    stops = [*starts[1:], len(text)][: len(starts)]
    # 3. The last section ends where the last paragraph starts.
    if mentions:
        wrap = _WRAP.search(text, mentions[-1][0][1])
        stops[-1] = wrap.start() if wrap else len(text)
    return [
        Section(aspect, start, stop, span)
        for (span, aspect), start, stop in zip(mentions, starts, stops, strict=True)
    ]


def _sentence_start(text: str, mention: int) -> int:
    """The start of the sentence with this character; a bullet belongs to its sentence."""
    line = text.rfind("\n", 0, mention) + 1
    bullet = BULLET.match(text, line)
    start = line
    for stop in STOP.finditer(text, bullet.end() if bullet else line, mention):
        start = stop.end()
    return start


def _edge(kind: str, text: str, sections: Sequence[Section]) -> str:
    """The part of the text in which an opening or a closing belongs."""
    if kind == "opening":
        end = sections[0].start if sections else _OPENING_LENGTH
        return text[: min(end, _OPENING_LENGTH)]
    after = text[sections[-1].end :] if sections else ""
    return (after or text)[-_CLOSING_LENGTH:]


def _layout(text: str, section: Section) -> str | None:
    line = text.rfind("\n", 0, section.start) + 1
    bullet = BULLET.match(text, section.start)
    if bullet and not text[line : section.start].strip():
        return bullet.lastgroup
    # prose continues the line of the previous sentence
    return "prose" if text[line : section.start].strip() and not bullet else None


def _emphasis(text: str, section: Section) -> str | None:
    first, last = section.mention
    before, after = text[max(0, first - 1) : first], text[last : last + 1]
    for opens, closes, value in _MARKED:
        if before == opens and after == closes:
            return value
    return None


def _ending(part: str) -> str | None:
    """The value of a section's ending, from its last punctuation marks."""
    kept = part.rstrip(" \t\r\n'*])~+-")
    run = kept[len(kept.rstrip(".!?")) :]
    if set(run) == {"."}:
        return "dot" if len(run) == 1 else "dots"
    if set(run) == {"!"}:
        return "bang" if len(run) == 1 else "bangs"
    return None


def shows(call: Call, part: str) -> bool:
    """Whether this part has the words of the expected value, and of no other of its kind."""
    values = kinds(call.task)[call.kind].values
    found = {value for value, words in values.items() if _word(words).search(part)}
    return found == {call.expected}


def found_words(words: str, text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Characters [start, end) of each occurrence of these words in a part of a text."""
    return [match.span() for match in _word(words).finditer(text, start, end)]


@cache
def _word(words: str) -> re.Pattern[str]:
    spaced = r"\s+".join(re.escape(word) for word in words.split())
    return re.compile(rf"(?<![^\W_]){spaced}(?![^\W_])", re.IGNORECASE)
