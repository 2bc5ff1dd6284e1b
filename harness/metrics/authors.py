"""Author identification: among users of the same topic, whose profile is nearest to the text?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.metrics.scoring import mean_score
from harness.statistics import PERCENT_MEAN, Panel
from harness.types import Score

Features = Literal["characters", "function words"]
OTHERS = 7
CHARACTERS = (2, 4)
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
FUNCTION_WORDS = (
    "a about after again all also although always am an and another any are as at be because"
    " been before being both but by can could did do does don't down each either else even ever"
    " every few for from had has have he her here him his how however i i'm i've if in into is"
    " it it's its just least less many may me might more most much must my never no nor not now"
    " of off often on once one only or other our out over own perhaps quite rather really she"
    " should since so some still such than that the their them then there therefore these they"
    " this those though through thus to too under until up upon us very was we well were what"
    " when where whether which while who whose why will with within without would yet you your"
)


@dataclass(frozen=True)
class Identification:
    """Share of texts whose author ranks first, and mean reciprocal rank, both 0–100.

    `chance_*` is the expectation of a random ranking: the floor. References are scored too; they
    are no ceiling.
    """

    top1: Score
    reciprocal_rank: Score
    chance_top1: float | None
    chance_reciprocal_rank: float | None


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
    texts: Sequence[str], candidates: Candidates, panel: Panel, features: Features = "characters"
) -> Identification:
    """Rank each text's author among other users of the same topic.

    texts: predictions or references.
    candidates: the author and the other users of each text.
    panel: the authors of the texts.
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
    nearness = _nearness(features, texts, profiles, list(place), indices)
    top1: list[float | None] = []
    ranks: list[float | None] = []
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
        ranks.append(100 * fmean(1 / place for place in places))
    # 3. means with intervals, and what chance would give
    sizes = [1 + len(rivals) for rivals in candidates.rivals]
    signature = f"authors|{features}|others:{OTHERS}|topic:bm25"

    def score(each: list[float | None], name: str) -> Score:
        return mean_score(each, PERCENT_MEAN, panel, f"{signature}|{name}")

    return Identification(
        top1=score(top1, "top-1"),
        reciprocal_rank=score(ranks, "reciprocal rank"),
        chance_top1=100 * fmean(1 / size for size in sizes) if sizes else None,
        chance_reciprocal_rank=100 * fmean(_blind(size) for size in sizes) if sizes else None,
    )


def _blind(size: int) -> float:
    """Expected reciprocal rank in a random ranking of `size` users."""
    return fmean(1 / place for place in range(1, size + 1))


def _nearness(
    features: Features,
    texts: Sequence[str],
    profiles: Sequence[str],
    words: Sequence[str],
    candidates: Sequence[Sequence[int]],
) -> list[list[float]]:
    """Similarity of each text to its candidates; higher is nearer.

    features: character n-grams (TF-IDF, cosine) or function words (Burrows's Delta).
    texts: what is compared.
    profiles: one for each user; they give the features' weights.
    words: the candidates' words.
    candidates: for each text, indices into `words`.
    """
    if features == "function words":
        return _delta(texts, profiles, words, candidates)
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
    return np.array([counts[word] for word in FUNCTION_WORDS.split()]) / max(len(words), 1)
