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
from harness.metrics.means import mean_score
from harness.metrics.statistics.bootstrap import RESAMPLES
from harness.metrics.summary import PERCENT, mean_interval
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
    user_ids: Sequence[str],
    queries: Sequence[str],
    profiles: Mapping[str, str],
    fingerprint: str,
    features: Features = "characters",
    others: int = OTHERS,
    resamples: int = RESAMPLES,
    documents: Mapping[str, str] | None = None,
) -> Identification:
    """Ranks each text's own author among `others` users matched in topic.

    texts: predictions or references; queries: the examples' inputs, from which BM25 draws the
    others; profiles: each user's own words in one text, by user id; documents: what BM25 reads
    of each user instead, such as titles beside them. Ties share their ranks: a text that says
    nothing of its author is at chance. An empty text scores 0 and counts.
    """
    donors = topic_donors(user_ids, queries, documents or profiles, fingerprint, others)
    known = {user: at for at, user in enumerate(profiles)}
    nearness = _nearness(features, texts, list(profiles.values()))
    top1: list[float | None] = []
    ranks: list[float | None] = []
    for at, (text, user, rivals) in enumerate(zip(texts, user_ids, donors, strict=True)):
        if not text.strip():
            top1.append(0.0)
            ranks.append(0.0)
            continue
        own = nearness[at, known[user]]
        against = nearness[at, [known[rival] for rival in rivals]]
        ahead = int((against > own + 1e-12).sum())
        tied = int((np.abs(against - own) <= 1e-12).sum())
        places = range(ahead + 1, ahead + tied + 2)
        top1.append(100 * fmean(place == 1 for place in places))
        ranks.append(100 * fmean(1 / place for place in places))
    sizes = [1 + len(rivals) for rivals in donors]
    signature = f"authors|{features}|others:{others}|topic:bm25"

    def score(each: list[float | None], name: str) -> Score:
        mean = mean_score(each, f"{signature}|{name}")
        return mean_interval(mean, user_ids, fingerprint, resamples, PERCENT)

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
    features: Features, texts: Sequence[str], profiles: Sequence[str]
) -> NDArray[np.float64]:
    """How near every text is to every profile [texts, profiles]; more is nearer."""
    if features == "function words":
        return _delta(texts, profiles)
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=CHARACTERS, lowercase=False, sublinear_tf=True
    )
    index = vectorizer.fit_transform([profile or " " for profile in profiles])
    return np.asarray((vectorizer.transform(texts) @ index.T).toarray(), dtype=np.float64)


def _delta(texts: Sequence[str], profiles: Sequence[str]) -> NDArray[np.float64]:
    """Burrows's Delta (2002), negated: mean difference of function words' standard scores."""
    index = np.stack([_shares(profile) for profile in profiles])
    spread = index.std(axis=0)
    used = spread > 0
    if not used.any():
        return np.zeros((len(texts), len(profiles)))
    asked = np.stack([_shares(text) for text in texts])
    apart = np.abs(asked[:, None, used] - index[None, :, used]) / spread[used]
    return np.asarray(-apart.mean(axis=-1), dtype=np.float64)


def _shares(text: str) -> NDArray[np.float64]:
    """Share of each function word among the words of a text."""
    words = WORD.findall(text.lower().replace("’", "'"))
    counts = Counter(words)
    return np.array([counts[word] for word in FUNCTION_WORDS.split()]) / max(len(words), 1)
