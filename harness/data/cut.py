"""Cut a text to a token budget: at a sentence end, else a word end, else a token end."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import accumulate, pairwise

from harness.errors import UsageError
from harness.types import Tokenizer

Offsets = Callable[[str], list[tuple[int, int]]]
"""A text → the characters [start, end) of each of its tokens, without special tokens."""

SENTENCE_END = re.compile(
    r"""[.!?…؟۔։]+["'”’»)\]]*(?=\s|$)|[。！？｡।॥။።፧។៕]+["'”’»）」』]*|(?<=\S)(?=\s*\n)"""
)
WORD_END = re.compile(r"(?<=\S)(?=\s|$)")
QUOTED = re.compile(r'(?<!\S)"(?P<part>[^"]+)"(?=[\s.,;:!?)]|$)')
LEAST_KEPT = 1 / 4
"""A cut at a sentence or word end keeps at least this share of the characters that fit the budget.

Else the "Hi!" before a long sentence would be all that is left. A quarter, with what stands around
the text, so that the prompts of published runs stay as they are.
"""
BYTES_OF_A_TOKEN = 4
KEPT_TEXTS = 8192
"""Texts whose token counts are cached: entries recur in every example of their user."""


def token_offsets(tokenizer: Tokenizer) -> Offsets:
    """Offsets from a fast transformers tokenizer. Raises UsageError for a slow one.

    As in a prompt, special tokens in a text, like "<|im_end|>", are plain characters.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise UsageError(
            f"{type(tokenizer).__name__} gives no offsets; expected a fast tokenizer:"
            " a backbone with tokenizer.json"
        )

    def offsets(text: str) -> list[tuple[int, int]]:
        encoded = tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
            truncation=False,
            verbose=False,
        )
        return [(start, end) for start, end in encoded["offset_mapping"]]

    return offsets


def byte_offsets(text: str) -> list[tuple[int, int]]:
    """Offsets where no tokenizer is known: every four bytes of UTF-8 count as a token."""
    if text.isascii():
        return [
            (start, min(start + BYTES_OF_A_TOKEN, len(text)))
            for start in range(0, len(text), BYTES_OF_A_TOKEN)
        ]
    # A character belongs to the token of its last byte.
    ends = accumulate(len(character.encode(errors="replace")) for character in text)
    tokens = [(end - 1) // BYTES_OF_A_TOKEN for end in ends]
    starts = [at for at, token in enumerate(tokens) if at == 0 or token != tokens[at - 1]]
    return list(pairwise([*starts, len(text)]))


class Cutter:
    """Counts tokens and shortens texts; caches its counts."""

    def __init__(self, offsets: Offsets) -> None:
        self.offsets = offsets
        self.count = lru_cache(KEPT_TEXTS)(lambda text: len(offsets(text)))

    def shorten(self, text: str, budget: int, around: Callable[[str], str] = str) -> str:
        """The longest opening of `text` for which `around(opening)` fits in `budget` tokens.

        It ends with a sentence if that keeps `LEAST_KEPT` of what fits, else with a word if that
        does, else with a token; "" if no token fits. A line break ends a sentence.
        """

        def fits(end: int) -> bool:
            return len(self.offsets(around(text[:end]))) <= budget

        # 1. The last token end that fits. More tokens than the budget rarely fit; the 8 spare
        # ones allow for different merges.
        ends = sorted({end for _, end in self.offsets(text)})[: budget + 8]
        reach = bisect_left(ends, True, key=lambda end: not fits(end))
        if reach == 0:
            return ""
        last = ends[reach - 1]
        # 2. The last sentence end before it, else the last word end; neither too far from it.
        least = LEAST_KEPT * len(around(text[:last]))
        for boundary in (SENTENCE_END, WORD_END):
            for end in reversed(list(_ends(boundary, text, last))):
                if len(around(text[:end])) < least:
                    break
                if fits(end):
                    return text[:end]
        return text[:last]

    def shorten_input(self, text: str, budget: int) -> str:
        """Cut `text` to `budget` tokens by shortening its longest quoted part inside the quotes.

        This keeps the request and every other part. If that is not enough, or nothing is quoted,
        the end of the text is cut off.
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
    """Positions in `text`, up to `last`, at which a match of `boundary` ends; never 0."""
    for match in boundary.finditer(text):
        if match.end() > last:
            return
        if match.end() > 0:
            yield match.end()
