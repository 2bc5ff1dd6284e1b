"""Shares of English function words in texts, which every text has whatever its subject."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from harness.statistics import Array

WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
INSIDE = b"abcdefghijklmnopqrstuvwxyz'"
"""What words are made of."""


@cache
def function_words() -> tuple[str, ...]:
    """English function words."""
    return tuple(Path(__file__).with_suffix(".txt").read_text("utf-8").split())


def shares(text: str) -> Array:
    """Share of each function word among the words of a text."""
    # every other character becomes a space: counting whole pieces is faster than finding words
    raw = text.lower().replace("\u2019", "'").encode("ascii", "replace")
    counts = Counter(raw.translate(_SPACED).decode("ascii").split())
    for piece in [piece for piece in counts if "'" in piece]:
        times = counts.pop(piece)
        for word in WORD.findall(piece):
            counts[word] += times
    found = np.array([counts.get(word, 0) for word in function_words()])
    return np.asarray(found / max(counts.total(), 1))


_SPACED = bytes(code if code in INSIDE else ord(" ") for code in range(256))
