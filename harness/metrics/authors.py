"""Author identification: among users of the same topic, whose profile is nearest to the text?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Features = Literal["characters", "function words"]
OTHERS = 7
CHARACTERS = (2, 4)
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True)
class Identification:
    """For each text whether its author ranks first, and the reciprocal rank, both 0–100.

    `chance_*` is the expectation of a random ranking: the floor. References are scored too; they
    are no ceiling.
    """

    top1: list[float]
    reciprocal_rank: list[float]
    chance_top1: float
    chance_reciprocal_rank: float


@dataclass(frozen=True)
class Candidates:
    """Whose words each text is compared with.

    words: user id → the user's words; they give the features' weights.
    own: the author's words for each text, from its example's profile: another example's profile of
    the same user may contain this one's reference.
    rivals: the other users for each text, of the same topic.
    """

    words: Mapping[str, str]
    own: Sequence[str]
    rivals: Sequence[Sequence[str]]


def identify_authors(
    texts: Sequence[str], candidates: Candidates, features: Features = "characters"
) -> Identification:
    """Rank each text's author among other users of the same topic.

    texts: predictions or references.
    candidates: the author and the other users of each text.
    features: what texts and profiles are compared by.

    Tied candidates share their ranks, so a text that says nothing about its author is at chance.
    An empty text scores 0 and counts.
    """
    # 1. candidates as indices of different words, the author first
    everyone = [*candidates.words.values(), *candidates.own]
    place = {words: index for index, words in enumerate(dict.fromkeys(everyone))}
    indices = [
        [place[own], *(place[candidates.words[rival]] for rival in rivals)]
        for own, rivals in zip(candidates.own, candidates.rivals, strict=True)
    ]
    # 2. ranks by similarity, ties shared
    profiles = list(candidates.words.values())
    compare = _delta if features == "function words" else _cosine
    nearness = compare(texts, profiles, list(place), indices)
    top1, ranks = list[float](), list[float]()
    for text, (author, *rest) in zip(texts, nearness, strict=True):
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
    ties = [range(1, 2 + len(rivals)) for rivals in candidates.rivals]
    return Identification(
        top1,
        ranks,
        chance_top1=100 * fmean(1 / len(places) for places in ties),
        chance_reciprocal_rank=100 * fmean(map(_mean_reciprocal, ties)),
    )


def _mean_reciprocal(places: Iterable[int]) -> float:
    """Expected reciprocal rank where every place is equally likely."""
    return fmean(1 / place for place in places)


def _cosine(
    texts: Sequence[str],
    profiles: Sequence[str],
    words: Sequence[str],
    candidates: Sequence[Sequence[int]],
) -> list[list[float]]:
    """Cosine of each text and its candidates by TF-IDF of character n-grams; higher is nearer.

    texts: what is compared.
    profiles: one for each user; they give the features' weights.
    words: the candidates' words.
    candidates: for each text, indices into `words`.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=CHARACTERS, lowercase=False, sublinear_tf=True
    )
    vectorizer.fit([profile or " " for profile in profiles])
    index, vectors = vectorizer.transform(words), vectorizer.transform(texts)
    # text by text: a matrix of all texts by all users would not fit in memory
    return [
        (index[rows] @ vectors[[number]].T).toarray()[:, 0].tolist()
        for number, rows in enumerate(candidates)
    ]


def _delta(
    texts: Sequence[str],
    profiles: Sequence[str],
    words: Sequence[str],
    candidates: Sequence[Sequence[int]],
) -> list[list[float]]:
    """Burrows's Delta (2002), negated: mean difference of standardised function-word shares."""
    spread = np.stack([_shares(profile) for profile in profiles]).std(axis=0)
    used = spread > 0
    if not used.any():
        return [[0.0] * len(rows) for rows in candidates]
    index = np.stack([_shares(each)[used] for each in words]) / spread[used]
    return [
        (-np.abs(_shares(text)[used] / spread[used] - index[list(rows)]).mean(axis=-1)).tolist()
        for text, rows in zip(texts, candidates, strict=True)
    ]


def _shares(text: str) -> NDArray[np.float64]:
    """Share of each function word among the words of a text."""
    words = WORD.findall(text.lower().replace("’", "'"))
    counts = Counter(words)
    return np.array([counts[word] for word in function_words()]) / max(len(words), 1)


@cache
def function_words() -> tuple[str, ...]:
    """English function words, which every text has."""
    return tuple(Path(__file__).with_name("function_words.txt").read_text("utf-8").split())
