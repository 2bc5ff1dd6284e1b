"""Words of a text in any script, by place: what stands between spaces, or a letter where a script
has none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

SCRIPTS = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar",
    "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Balinese", "Javanese",
)  # fmt: skip
"""Scripts without spaces between words."""
MARKS = r"[\p{M}\u200c\u200d]"
"""Combining marks, and the joiners of Persian and Indic words."""


def word_spans(text: str) -> list[tuple[int, int]]:
    """Characters [start, end) of each word, in order.

    A letter of a script without spaces is one word, with the marks and the punctuation after it.
    Otherwise words are those of `str.split()`.
    """
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    if not has_unspaced(text):
        return spans
    parts = _patterns().part
    return [match.span() for span in spans for match in parts.finditer(text, *span)]


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    return [text[start:end] for start, end in word_spans(text)]


def of_letters(word: str) -> bool:
    """Whether a word is letters alone, with what stands on them and joins them: Hindi writes its
    vowels as marks."""
    return word.isalpha() or (
        not word.isascii() and _patterns().letters.fullmatch(word) is not None
    )


def has_marks(text: str) -> bool:
    """Whether a letter of a text has a combining mark or a joiner, so is no letter alone."""
    return not text.isascii() and _patterns().marked.search(text) is not None


def joined(parts: Iterable[str]) -> str:
    """Words as a text: with spaces between them, but none beside one of an unspaced script."""
    text = " ".join(parts)
    return _patterns().gap.sub("", text) if has_unspaced(text) else text


def has_unspaced(text: str) -> bool:
    """Whether a text has a letter of a script without spaces."""
    return not text.isascii() and _patterns().letter.search(text) is not None


class _Patterns:
    """letter: one of an unspaced script; part: a word; gap: a space beside such a word; letters: a
    word of letters alone; marked: a letter with a mark."""

    def __init__(self) -> None:
        import regex

        # The script itself, not its extensions (scx): ʼ and ˇ stand in Latin and Cyrillic words too
        own = r"[\p{L}&&[" + "".join(rf"\p{{sc={name}}}" for name in SCRIPTS) + "]]"
        self.letter: regex.Pattern[str] = regex.compile(own, regex.V1)
        word = rf"{own}\p{{M}}*[\p{{Pe}}\p{{Pf}}\p{{Po}}]*"
        self.part = regex.compile(rf"{word}|(?:(?!{own}).)+", regex.V1 | regex.DOTALL)
        self.gap = regex.compile(rf"(?<={word}) | (?={own})", regex.V1)
        self.letters = regex.compile(rf"(?:\p{{L}}{MARKS}*)+", regex.V1)
        self.marked = regex.compile(rf"\p{{L}}{MARKS}", regex.V1)


@cache
def _patterns() -> _Patterns:
    return _Patterns()
