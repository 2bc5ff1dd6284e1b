"""Shortening a text to a budget of tokens: at a sentence end, else a word end, else a token's."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from harness.errors import UsageError

Offsets = Callable[[str], list[tuple[int, int]]]
"""A text → the characters [start, end) of each of its tokens, special tokens left out."""

SENTENCE_END = re.compile(
    r"""[.!?…؟۔]+["'”’»)\]]*(?=\s|$)|[。！？]+["'”’»）」』]*|(?<=\S)(?=\s*\n)"""
)
WORD_END = re.compile(r"(?<=\S)(?=\s|$)")
QUOTED = re.compile(r'(?<!\S)"(?P<part>[^"]+)"(?=[\s.,;:!?)]|$)')
KEPT_TEXTS = 8192
"""Texts whose tokens are remembered: entries return with every example of their user."""


def token_offsets(tokenizer: Any) -> Offsets:
    """Offsets by a fast tokenizer of transformers. Raises UsageError for a slow one."""
    if not getattr(tokenizer, "is_fast", False):
        raise UsageError(
            f"{type(tokenizer).__name__} gives no offsets; expected a fast tokenizer:"
            " a backbone with tokenizer.json"
        )

    def offsets(text: str) -> list[tuple[int, int]]:
        encoded = tokenizer(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            truncation=False,
            verbose=False,
        )
        return [(start, end) for start, end in encoded["offset_mapping"]]

    return offsets


class Cutter:
    """Counts tokens and shortens texts; remembers what it counted."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets
        self.count = lru_cache(KEPT_TEXTS)(lambda text: len(offsets(text)))

    def shorten(self, text: str, budget: int, around: Callable[[str], str] = str) -> str:
        """The opening of `text` that leaves `around(opening)` within `budget` tokens; "" if none.

        The longest that ends a sentence, else a word, else a token. A line break ends a sentence.
        """

        def fits(end: int) -> bool:
            return len(self.offsets(around(text[:end]))) <= budget

        # more tokens than the budget hardly ever fit; the spare ones allow for other merges
        ends = sorted({end for _, end in self.offsets(text)})[: budget + 8]
        reach = bisect_left(ends, True, key=lambda end: not fits(end))
        if reach == 0:
            return ""
        last = ends[reach - 1]
        for boundary in (SENTENCE_END, WORD_END):
            for end in reversed(list(_ends(boundary, text, last))):
                if fits(end):
                    return text[:end]
        return text[:last]

    def shorten_input(self, text: str, budget: int) -> str:
        """`text` within `budget` tokens: its longest quoted part is shortened inside its quotes.

        So what is asked for, and every other part, stays. Where that is not enough, or nothing is
        quoted, the text loses its end.
        """
        if self.count(text) <= budget:
            return text
        quoted = max(QUOTED.finditer(text), key=lambda match: len(match["part"]), default=None)
        if quoted is not None:
            head, tail = text[: quoted.start("part")], text[quoted.end("part") :]
            part = self.shorten(quoted["part"], budget, lambda opening: head + opening + tail)
            if part:
                return head + part + tail
        return self.shorten(text, budget)


def _ends(boundary: re.Pattern[str], text: str, last: int) -> Iterator[int]:
    """Where `boundary` ends in the text, up to `last`; the first character is never cut off."""
    for match in boundary.finditer(text):
        if match.end() > last:
            return
        if match.end() > 0:
            yield match.end()
