"""`style:FOLDER`: is a text like the author's other texts, by any sentence encoder?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics.base import MeanMetric, Needs, Pair, encoder_words
from harness.metrics.donors import Pool, topic_donors
from harness.metrics.scoring import mean_of_known, mean_score
from harness.record import Breakdown, Group, ends_of
from harness.registry import find
from harness.statistics import MEAN, Array, Panel, mean_rows

RIVALS = 7
"""Authors nearest in topic whose texts give the harder floor, as in author identification."""
OTHER_AUTHORS, NEAR = "other authors", "nearest in topic"
"""Group of the breakdown with the harder floor."""
NO_AUTHOR = "no profile has a text"


class Style(MeanMetric):
    """Cosine of a text with the author's profile texts by the sentence encoder in FOLDER, × 100.

    An author is the mean of the unit vectors of the profile's texts, scaled to length 1, as LUAR
    makes one vector of several texts of an author (Rivera-Soto et al. 2021). The reference is not
    used: it is the ceiling, a real text by the same author; the texts of other authors are the
    floor (both as in Sawant 2026, arXiv:2604.26460). A general encoder reads content too: use one
    trained for style, and look at the floor of authors near in topic. An empty text scores 0; one
    whose author has no other text has no value.
    """

    unit = "cosine × 100"
    digits = 1

    def __init__(self, model: str) -> None:
        self.name = f"style:{model}"
        self.needs = Needs("encoder", model)
        self.title = f"style ({self.needs.short})"

    @property
    def signature(self) -> str:
        known = encoder_words(self.encoder)
        return f"style|{known}|pool:mean|author:mean of profile|cosine×100"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        texts = [pair.prediction for pair in pairs]
        return mean_rows(self._similarities(texts, [self._author(pair) for pair in pairs]))

    def breakdown(self, samples: Sequence[Sequence[Pair]], panel: Panel) -> Breakdown:
        """The floor and the ceiling. Groups hold the floor of the authors nearest in topic.

        samples: the pairs of each sample.
        panel: the users of the examples.
        """
        # 1. the texts themselves, and the author's real text
        pairs = samples[0]
        authors = [self._author(pair) for pair in pairs]
        references = [pair.reference for pair in pairs]
        each = [self._similarities([pair.prediction for pair in row], authors) for row in samples]
        means = [mean_of_known(column) for column in zip(*each, strict=True)]
        # 2. real texts of other authors: of all, and of those nearest in topic
        by_user: dict[str, list[int]] = {}
        for index, pair in enumerate(pairs):
            by_user.setdefault(pair.example.user_id, []).append(index)
        vectors = self._encode(references)

        def against(author: Array | None, users: Sequence[str]) -> float | None:
            rows = [row for user in users for row in by_user[user] if references[row].strip()]
            return None if author is None or not rows else float((vectors[rows] @ author).mean())

        others = [[one for one in by_user if one != pair.example.user_id] for pair in pairs]
        near = others if len(by_user) < 2 else _nearest(pairs, panel.fingerprint)
        everyone, nearest = (
            [against(*each) for each in zip(authors, users, strict=True)]
            for users in (others, near)
        )
        return Breakdown(
            **ends_of(mean_score(means, MEAN, panel, "", NO_AUTHOR)),
            chance=None,
            places=sum(mean is not None for mean in means),
            floor=mean_of_known(everyone),
            ceiling=mean_of_known(self._similarities(references, authors)),
            groups={OTHER_AUTHORS: {NEAR: _group(nearest, panel)}},
        )

    def _author(self, pair: Pair) -> Array | None:
        """The author's unit vector [D]; None without a text."""
        body = find("task", pair.example.task).body
        texts = [text for entry in pair.example.profile if (text := entry[body]).strip()]
        if not texts:
            return None
        mean = self._encode(texts).mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))

    def _similarities(
        self, texts: Sequence[str], authors: Sequence[Array | None]
    ) -> list[float | None]:
        """Cosine × 100 of each text with its author."""
        return [
            None if author is None else float(vector @ author) if text.strip() else 0.0
            for text, vector, author in zip(texts, self._encode(texts), authors, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> Array:
        """Vectors [N,D] of length 100, so that products are on the metric's scale."""
        assert self.encoder is not None
        return 100 * self.encoder.encode(texts)


def _nearest(pairs: Sequence[Pair], fingerprint: str) -> list[list[str]]:
    examples = [pair.example for pair in pairs]
    references = [pair.reference for pair in pairs]
    pool = Pool(examples, find("task", examples[0].task), references, fingerprint)
    return topic_donors(pool, RIVALS).users


def _group(values: Sequence[float | None], panel: Panel) -> Group:
    """Values of examples as a number with its interval."""
    known = sum(value is not None for value in values)
    score = mean_score(values, MEAN, panel, "", "one author only")
    return Group(**ends_of(score), chance=None, places=known)
