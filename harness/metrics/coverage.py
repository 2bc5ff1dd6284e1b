"""Coverage: the letters (Unicode category L) of the references that a metric's tokenizer sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from harness.metrics.words import unspaced

MOST_UNSEEN = 0.05
"""Above this share of unseen letters a metric has no value; below, the share is reported."""
LONGEST_WORD = 4
"""A token with more letters than this of a script without spaces is a clause, not a word."""
ROUGE_SEES = re.compile("[a-z0-9]")


def unseen_share(references: Sequence[str], unseen: Callable[[str], int]) -> float:
    """Unseen letters ÷ letters of all references; 0 if there are no letters."""
    lost = sum(unseen(text) for text in references if not text.isascii())
    return lost / sum(map(letters, references)) if lost else 0.0


def letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def unseen_words(share: float) -> str:
    """`2.1 % of the references' letters unseen`"""
    percent = 100 * share
    return f"{percent:.{1 if percent >= 0.1 else 3}f} % of the references' letters unseen"


def dropped_by_rouge(text: str) -> int:
    """Number of letters that rouge-score drops: those that are not a–z in lower case."""
    return sum(char.isalpha() and not ROUGE_SEES.search(char.lower()) for char in text)


def in_clauses(tokens: Iterable[str]) -> int:
    """Number of letters of scripts without spaces in tokens too long for a word.

    Such a token is a clause, which no paraphrase shares.
    """
    letters_of = _unspaced()
    counts = (len(letters_of(token)) for token in tokens if not token.isascii())
    return sum(count for count in counts if count > LONGEST_WORD)


@cache
def _unspaced() -> Callable[[str], list[Any]]:
    import regex

    find: Callable[[str], list[Any]] = regex.compile(unspaced(), regex.V1).findall
    return find
