"""Slices: positions in a text, counted by a fixed tokenizer."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

TOKENIZER = r"\w+|[^\w\s]"
TOKEN = re.compile(TOKENIZER)
SIGNATURE = f"slices:{TOKENIZER}"


def signature_of(starts: Sequence[int]) -> str:
    """Signature of values that depend on where every slice begins."""
    return f"{SIGNATURE}|from:{','.join(map(str, starts))}"


def slice_tokens(text: str) -> list[tuple[int, int]]:
    """Character spans (start, end) of the words and punctuation marks of a text."""
    return [match.span() for match in TOKEN.finditer(text)]


def slice_names(starts: Sequence[int]) -> list[str]:
    """Names of the slices that begin at `starts`: 0,100 → "0-100", "100+".

    Raises ValueError if starts do not begin at 0 and rise.
    """
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
        raise ValueError(f"slices {list(starts)}; expected starts from 0 that rise")
    closed = [f"{a}-{b}" for a, b in pairwise(starts)]
    return [*closed, f"{starts[-1]}+"]


def slice_of(position: int, starts: Sequence[int]) -> int:
    """Index of the slice that the token at `position` (from 0) belongs to."""
    return bisect_right(starts, position) - 1


def between(text: str, start: int, end: int | None = None) -> str:
    """The text from slice token `start` to `end`, which is excluded; "" past the end."""
    inside = slice_tokens(text)[start:end]
    return text[inside[0][0] : inside[-1][1]] if inside else ""


def cut(text: str, starts: Sequence[int]) -> list[str]:
    """The text of each slice, from its first token to its last; "" past the end of the text."""
    spans = slice_tokens(text)
    parts = [spans[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]
    return [text[part[0][0] : part[-1][1]] if part else "" for part in parts]


def up_to(text: str, token: int) -> str:
    """The text up to the end of slice token `token` − 1, or all of it if it is shorter."""
    if token <= 0:
        return ""
    spans = slice_tokens(text)
    return text[: spans[token - 1][1]] if token <= len(spans) else text
