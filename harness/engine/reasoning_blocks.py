"""Reasoning blocks in a text: where they are, and what lies outside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

Span = tuple[int, int]


def blocks(text: str, names: Sequence[str], opened: str | None = None) -> tuple[list[Span], bool]:
    """The spans of reasoning blocks, tags included; whether the last block has no end.

    text: generated.
    names: of the blocks' tags.
    opened: the block in which the text begins.

    A closing tag without an opening one ends a block that began before the text.
    """
    spans: list[Span] = []
    inside, begin = opened, 0
    for tag in re.finditer(rf"<(/?)({'|'.join(map(re.escape, names)) or '(?!)'})>", text):
        closes, name = bool(tag[1]), tag[2]
        if closes and inside in (None, name):
            before = tag.start() if spans else 0
            spans.append((before if inside is None else begin, tag.end()))
            inside = None
        elif not closes and inside is None:
            inside, begin = name, tag.start()
    if inside is not None:
        spans.append((begin, len(text)))
    return spans, inside is not None


def with_space_before_text(text: str, spans: Sequence[Span]) -> list[Span]:
    """The blocks, those before the first visible character with the white space around them."""
    found: list[Span] = []
    begin = 0
    for start, until in spans:
        if text[begin:start].strip():
            return [*found, *spans[len(found) :]]
        begin, start = until + len(text[until:]) - len(text[until:].lstrip()), begin
        found.append((start, begin))
    return found


def first_stop(text: str, strings: Sequence[str], spans: Sequence[Span]) -> int | None:
    """The position of the first stop string outside the blocks."""
    positions = [
        match.start()
        for string in strings
        for match in re.finditer(re.escape(string), text)
        if not any(start <= match.start() < until for start, until in spans)
    ]
    return min(positions, default=None)


def outside(spans: Sequence[Span], end: int) -> list[Span]:
    """The parts of a text of `end` characters outside all spans."""
    edges = [0, *(edge for span in spans for edge in span), end]
    return [
        (start, until)
        for start, until in zip(edges[::2], edges[1::2], strict=True)
        if start < until
    ]
