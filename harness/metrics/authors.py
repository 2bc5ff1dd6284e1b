"""Author identification: among users of the same topic, whose profile is nearest to the text?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from statistics import fmean
from typing import Literal

import numpy as np

from harness.metrics.author_index import AuthorIndex
from harness.metrics.function_words import shares

Features = Literal["characters", "function words"]
OTHERS = 7


@dataclass(frozen=True)
class Identification:
    """For each text whether its author ranks first, and the reciprocal rank, both 0–100.

    None where the author has no words to compare with. `chance_*` is the expectation of a random
    ranking of the others: the floor. References are scored too; they are no ceiling.
    """

    top1: list[float | None]
    reciprocal_rank: list[float | None]
    chance_top1: float
    chance_reciprocal_rank: float


@dataclass(frozen=True)
class Candidates:
    """Whose words each text is compared with.

    index: the words of all users.
    own: the author's words for each text, a row of the index.
    rivals: user ids of the others for each text, of the same topic.
    """

    index: AuthorIndex
    own: Sequence[int]
    rivals: Sequence[Sequence[str]]


def identify_authors(
    texts: Sequence[str], candidates: Candidates, features: Features = "characters"
) -> Identification:
    """Rank each text's author among other users of the same topic.

    texts: predictions or references.
    candidates: the author and the other users of each text.
    features: what texts and profiles are compared by.

    Tied candidates share their ranks, so a text that says nothing about its author is at chance.
    An empty text scores 0 and counts. Users without words are no candidates; a text whose author
    has none has no value. Raises ValueError where this leaves no text.
    """
    # 1. similarity with each candidate, the author first
    index = candidates.index
    rows = [
        [own, *(row for rival in rivals if index.worded[row := index.users[rival]])]
        for own, rivals in zip(candidates.own, candidates.rivals, strict=True)
    ]
    known = [bool(index.worded[own]) for own in candidates.own]
    if not any(known):
        raise ValueError("no author has words; expected at least one text whose author has")
    if features == "function words":
        nearness = _delta(texts, index, rows)
    else:
        nearness = index.ngrams.cosines(texts, rows)
    # 2. ranks, ties shared
    top1, ranks = list[float | None](), list[float | None]()
    for text, (author, *rest), has_words in zip(texts, nearness, known, strict=True):
        if not has_words:
            top1.append(None)
            ranks.append(None)
            continue
        if not text.strip():
            top1.append(0.0)
            ranks.append(0.0)
            continue
        rivals_nearness = np.array(rest)
        ahead = int((rivals_nearness > author + 1e-12).sum())
        tied = int((np.abs(rivals_nearness - author) <= 1e-12).sum())
        places = range(ahead + 1, ahead + tied + 2)
        top1.append(100 * fmean(place == 1 for place in places))
        ranks.append(100 * _mean_reciprocal(places))
    # 3. what chance would give: all candidates tied
    ties = [range(1, 1 + len(each)) for each in compress(rows, known)]
    return Identification(
        top1,
        ranks,
        chance_top1=100 * fmean(1 / len(places) for places in ties),
        chance_reciprocal_rank=100 * fmean(map(_mean_reciprocal, ties)),
    )


def _mean_reciprocal(places: Iterable[int]) -> float:
    """Expected reciprocal rank where every place is equally likely."""
    return fmean(1 / place for place in places)


def _delta(
    texts: Sequence[str], index: AuthorIndex, candidates: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Burrows's Delta (2002), negated: mean difference of standardised function-word shares.

    texts: what is compared.
    index: the candidates' words.
    candidates: for each text, rows of the index.
    """
    spread = index.shares[[index.users[user] for user in index.comparable]].std(axis=0)
    used = spread > 0
    if not used.any():
        return [[0.0] * len(rows) for rows in candidates]
    known = index.shares[:, used] / spread[used]
    return [
        (-np.abs(shares(text)[used] / spread[used] - known[list(rows)]).mean(axis=-1)).tolist()
        for text, rows in zip(texts, candidates, strict=True)
    ]
