"""Skyline: what copying and substituting reach without a model.

The program knows how mini's sentences are built and none of the hidden preferences. It takes the
author's own sentences from the profile and puts the input's aspects into them. Methods are compared
with it, not ranked beside it: on real texts there is no such program.
"""

import re
from collections.abc import Sequence
from itertools import cycle, pairwise

from harness.mini.brief import Brief
from harness.mini.habits import kinds
from harness.mini.sentences import SIDES, Sentence, sentences
from harness.registry import find
from harness.types import Example

_ASPECT = re.compile(r"(?<=[*\[(~])\w+ \w+(?=[*\])~])")
_ITEM = re.compile(r"([+-])(\w+ \w+)")
Piece = tuple[Sentence, str]
"""A sentence with its text, its final marks and the white space after them."""


def skyline(example: Example) -> str:
    """A text for the example's input, from sentences of its profile. Raises ValueError for none."""
    body = find("task", example.task).body
    texts = [_pieces(example.task, entry[body]) for entry in example.profile]
    if not texts:
        raise ValueError(f"example {example.id} has no profile to copy from")
    frame = max(texts, key=len)
    first = next(at for at, (each, _) in enumerate(frame) if each.side)
    last = max(at for at, (each, _) in enumerate(frame) if each.side)
    brief = _brief(example)
    ready = {side: _sections(texts, side, len(getattr(brief, side))) for side in SIDES}
    text = "".join(raw for _, raw in frame[:first])
    for number, aspect in enumerate(brief.ordered(_order(example.task, texts)), 1):
        section = ready["good" if aspect in brief.good else "bad"].pop()
        section = re.sub(r"^\d+", str(number), _ASPECT.sub(aspect, section, count=1))
        text += section
    return text + "".join(raw for _, raw in frame[last + 1 :])


def _pieces(task: str, text: str) -> list[Piece]:
    found = sentences(task, text)
    ends = [*(each.start for each in found[1:]), len(text)]
    return [(each, text[each.start : end]) for each, end in zip(found, ends, strict=True)]


def _brief(example: Example) -> Brief:
    items = _ITEM.findall(example.input)
    good, bad = (tuple(name for sign, name in items if sign == side) for side in "+-")
    return Brief(example.task, "", "", good, bad, "")


def _order(task: str, texts: Sequence[Sequence[Piece]]) -> str:
    """The order of good and bad that most texts of the profile agree with."""

    def agrees(order: str, sides: Sequence[str]) -> bool:
        good, bad = (tuple(f"{side}{n}" for n in range(sides.count(side))) for side in SIDES)
        expected = Brief(task, "", "", good, bad, "").ordered(order)
        return [name.rstrip("0123456789") for name in expected] == list(sides)

    seen = [[each.side or "" for each, _ in text if each.head] for text in texts]
    orders = kinds(task)["order"].values
    return max(orders, key=lambda order: sum(agrees(order, sides) for sides in seen))


def _sections(texts: Sequence[Sequence[Piece]], side: str, count: int) -> list[str]:
    """`count` sections of one side; a clause occurs once, as long as the profile has enough."""
    heads, middles, lasts = [], [], {}
    for text in texts:
        for (each, raw), (after, _) in pairwise([*text, text[-1]]):
            if each.side == side and each.head:
                heads.append(raw)
            elif each.side == side and (after.head or not after.side):
                lasts[each.content] = raw
            elif each.side == side:
                middles.append(each.content)
    used = list(lasts)[:count]
    others = [each for each in dict.fromkeys([*middles, *lasts]) if each not in used] or used
    each_gets = min(max(len(others) // count, 1), 3)
    supply = cycle(f"{content.capitalize()}. " for content in others)
    return [
        head + "".join(next(supply) for _ in range(each_gets)) + last
        for head, last, _ in zip(cycle(heads), cycle(lasts.values()), range(count), strict=False)
    ]
