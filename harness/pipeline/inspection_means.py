"""Means over inspected tokens: all, by position, by kind of habit, by number of the thought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from statistics import fmean

from harness.record.inspected import (
    InspectedExample,
    InspectedThought,
    InspectedToken,
    Inspection,
    Mean,
)

BIN = 50
"""Tokens of a text that share a mean."""
ELSEWHERE = "elsewhere"
"""Tokens that show no habit."""


@dataclass(frozen=True)
class _Row:
    """A token, its index in its text, and its own thought, if it has one."""

    token: InspectedToken
    index: int
    thought: InspectedThought | None


def with_means(found: Inspection) -> Inspection:
    """The inspection with its means by position, kind, and number of the thought."""
    rows = [row for example in found.examples for row in _rows(example)]
    last = max((row.index for row in rows), default=-1)
    positions = tuple(
        _mean(f"{start}–{start + BIN - 1}", [row for row in rows if row.index // BIN == step])
        for step, start in enumerate(range(0, last + 1, BIN))
    )
    names = sorted({kind for row in rows for kind in row.token.kinds})
    kinds = [_mean(name, [row for row in rows if name in row.token.kinds]) for name in names]
    if kinds:
        kinds.append(_mean(ELSEWHERE, [row for row in rows if not row.token.kinds]))
    numbered = zip_longest(*(each.thoughts for each in found.examples if each.before_text))
    before = tuple(
        _of_thoughts(f"thought {number}", [each for each in thoughts if each is not None])
        for number, thoughts in enumerate(numbered, 1)
    )
    return replace(found, positions=positions, kinds=tuple(kinds), before=before)


def mean_of_all(examples: Sequence[InspectedExample]) -> Mean:
    """KL over all tokens, and cosine over all thoughts."""
    tokens = [token for example in examples for token in example.tokens]
    thoughts = [thought for example in examples for thought in example.thoughts]
    return Mean("all", len(tokens), fmean(one.kl for one in tokens), _cosine(thoughts))


def _rows(example: InspectedExample) -> list[_Row]:
    own = {} if example.before_text else {each.position: each for each in example.thoughts}
    return [_Row(token, index, own.get(index)) for index, token in enumerate(example.tokens)]


def _mean(name: str, rows: Sequence[_Row]) -> Mean:
    """Of at least one token."""
    thoughts = [row.thought for row in rows if row.thought is not None]
    return Mean(name, len(rows), fmean(row.token.kl for row in rows), _cosine(thoughts))


def _of_thoughts(name: str, thoughts: Sequence[InspectedThought]) -> Mean:
    return Mean(name, len(thoughts), fmean(one.kl for one in thoughts), _cosine(thoughts))


def _cosine(thoughts: Sequence[InspectedThought]) -> float | None:
    each = [fmean(one.cosines) for one in thoughts if one.cosines]
    return fmean(each) if each else None
