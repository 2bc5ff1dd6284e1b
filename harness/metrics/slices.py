"""Position slices: a fixed tokenizer, texts cut by its tokens, scores of the free text's slices."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from harness.metrics.means import mean_score
from harness.types import Score

TOKENIZER = r"\w+|[^\w\s]"
TOKEN = re.compile(TOKENIZER)
SIGNATURE = f"slices:{TOKENIZER}"


def slice_tokens(text: str) -> list[tuple[int, int]]:
    """Character spans (start, end) of the words and punctuation marks of a text."""
    return [match.span() for match in TOKEN.finditer(text)]


def slice_names(starts: Sequence[int]) -> list[str]:
    """Names of the slices that begin at `starts`: 0,100 → "0-100", "100+".

    Raises ValueError unless starts begin at 0 and rise.
    """
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
        raise ValueError(f"slices {list(starts)}; expected starts from 0 that rise")
    closed = [f"{a}-{b}" for a, b in pairwise(starts)]
    return [*closed, f"{starts[-1]}+"]


def slice_of(position: int, starts: Sequence[int]) -> int:
    """Which slice the token at `position` (from 0) belongs to."""
    return bisect_right(starts, position) - 1


def cut(text: str, starts: Sequence[int]) -> list[str]:
    """The text of each slice, from its first token to its last; "" where the text has ended."""
    spans = slice_tokens(text)
    pieces = []
    for begin, end in zip(starts, [*starts[1:], len(spans)], strict=True):
        inside = spans[begin:end]
        pieces.append(text[inside[0][0] : inside[-1][1]] if inside else "")
    return pieces


def members(references: Sequence[str], starts: Sequence[int]) -> list[list[bool]]:
    """For every slice, whether each reference is a member: has at least one token there."""
    lengths = [len(slice_tokens(reference)) for reference in references]
    return [[length > begin for length in lengths] for begin in starts]


def reaches_all(reference: str, starts: Sequence[int]) -> bool:
    """Whether a reference is a member of every slice: the condition for drift."""
    return len(slice_tokens(reference)) > starts[-1]


def free_slices(
    metric: Callable[[Sequence[str], Sequence[str]], Score],
    predictions: Sequence[str],
    references: Sequence[str],
    starts: Sequence[int],
) -> dict[str, Score]:
    """A metric of each slice of the prediction against the same slice of the reference.

    Over the slice's members only; others are None in `each`. A prediction that has ended
    before is empty there and scored so. Descriptive: it depends on alignment.
    """
    pairs = list(zip(predictions, references, strict=True))
    written = [cut(prediction, starts) for prediction, _ in pairs]
    expected = [cut(reference, starts) for _, reference in pairs]
    found = {}
    for at, name in enumerate(slice_names(starts)):
        inside = [row for row, slices in enumerate(expected) if slices[at]]
        each: list[float | None] = [None] * len(pairs)
        if not inside:
            found[name] = mean_score(each, SIGNATURE, f"no reference reaches token {starts[at]}")
            continue
        score = metric([written[row][at] for row in inside], [expected[row][at] for row in inside])
        for row, value in zip(inside, score.each, strict=True):
            each[row] = value
        signature = f"{score.signature}|slice:{name}|{SIGNATURE}"
        found[name] = replace(score, each=tuple(each), signature=signature)
    return found
