"""Author identification: among look-alikes in topic, whose profile is nearest to the text?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.metrics.donors import topic_donors
from harness.metrics.scores import mean_score
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
    """Share of texts whose author came first, and mean reciprocal rank, both 0–100.

    `chance_*` is what a blind ranking would give: the floor. References give the ceiling.
    """

    top1: Score
    reciprocal_rank: Score
    chance_top1: float | None
    chance_reciprocal_rank: float | None


def identify_authors(
    texts: Sequence[str],
    queries: Sequence[str],
    profiles: Mapping[str, str],
    panel: Panel,
    features: Features = "characters",
    others: int = OTHERS,
    documents: Mapping[str, str] | None = None,
    own: Sequence[str] | None = None,
) -> Identification:
    """Ranks each text's own author among `others` users matched in topic.

    texts: predictions or references; queries: the examples' inputs, from which BM25 draws the
    others; profiles: each user's own words in one text, by user id; documents: what BM25 reads
    of each user instead, such as titles beside them; own: for each text its author's words, where
    a user's examples have different profiles – another example's may hold this one's reference.
    Ties share their ranks: a text that says nothing of its author is at chance. An empty text
    scores 0 and counts.
    """
    donors = topic_donors(panel.users, queries, documents or profiles, panel.fingerprint, others)
    mine = own or [profiles[user] for user in panel.users]
    place = {words: at for at, words in enumerate(dict.fromkeys([*profiles.values(), *mine]))}
    candidates = [
        [place[words], *(place[profiles[rival]] for rival in rivals)]
        for words, rivals in zip(mine, donors, strict=True)
    ]
    nearness = _nearness(features, texts, list(profiles.values()), list(place), candidates)
    top1: list[float | None] = []
    ranks: list[float | None] = []
    for text, (near, *rest) in zip(texts, nearness, strict=True):
        if not text.strip():
            top1.append(0.0)
            ranks.append(0.0)
            continue
        against = np.array(rest)
        ahead = int((against > near + 1e-12).sum())
        tied = int((np.abs(against - near) <= 1e-12).sum())
        places = range(ahead + 1, ahead + tied + 2)
        top1.append(100 * fmean(place == 1 for place in places))
        ranks.append(100 * fmean(1 / place for place in places))
    sizes = [1 + len(rivals) for rivals in donors]
    signature = f"authors|{features}|others:{others}|topic:bm25"

    def score(each: list[float | None], name: str) -> Score:
        return mean_score(each, PERCENT_MEAN, panel, f"{signature}|{name}")

    return Identification(
        top1=score(top1, "top-1"),
        reciprocal_rank=score(ranks, "reciprocal rank"),
        chance_top1=100 * fmean(1 / size for size in sizes) if sizes else None,
        chance_reciprocal_rank=100 * fmean(_blind(size) for size in sizes) if sizes else None,
    )


def _blind(size: int) -> float:
    """Expected reciprocal rank of a blind ranking of `size` users."""
    return fmean(1 / place for place in range(1, size + 1))


def _nearness(
    features: Features,
    texts: Sequence[str],
    profiles: Sequence[str],
    words: Sequence[str],
    candidates: Sequence[Sequence[int]],
) -> list[list[float]]:
    """How near each text is to its candidates, places in `words`; more is nearer.

    profiles, one a user, tell which features are common.
    """
    if features == "function words":
        return _delta(texts, profiles, words, candidates)
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=CHARACTERS, lowercase=False, sublinear_tf=True
    )
    vectorizer.fit([profile or " " for profile in profiles])
    index, asked = vectorizer.transform(words), vectorizer.transform(texts)
    # a text at a time: all texts by all users would not fit in memory
    return [
        (index[rows] @ asked[[at]].T).toarray()[:, 0].tolist() for at, rows in enumerate(candidates)
    ]


def _delta(
    texts: Sequence[str],
    profiles: Sequence[str],
    words: Sequence[str],
    candidates: Sequence[Sequence[int]],
) -> list[list[float]]:
    """Burrows's Delta (2002), negated: mean difference of function words' standard scores."""
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
