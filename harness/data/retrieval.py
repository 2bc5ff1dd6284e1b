"""Rank a profile's entries for an input: bm25, recency, random or dense. Best first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from harness.data.tasks import Task
from harness.errors import UsageError
from harness.settings import RetrievalSettings
from harness.types import Example

Ranking = Callable[[Example], list[int]]
"""An example → the indices of its profile's entries, best first, each once."""


@dataclass(frozen=True)
class Ranked:
    """The indices of a profile's entries, best first."""

    order: list[int]
    tied: bool = False
    """BM25 gave all entries (two or more) the same score: the order is the profile's own."""


def ranking(task: Task, settings: RetrievalSettings) -> Callable[[Example], Ranked]:
    """The ranking that the settings name, cut to the best `k` if k is set.

    Raises UsageError for `dense` without an encoder.
    """
    if settings.ranking == "bm25":
        return lambda example: _by_bm25(task, settings.k, example)
    orders = {"recency": recency_order, "random": random_order}
    order = orders.get(settings.ranking) or _dense(task, settings.dense_model)
    return lambda example: Ranked(order(example)[: settings.k])


def _by_bm25(task: Task, k: int | None, example: Example) -> Ranked:
    scores = bm25_scores(task, example)
    return Ranked(best_first(scores)[:k], len(scores) > 1 and len(set(scores)) == 1)


def _dense(task: Task, model: str | None) -> Ranking:
    if model is None:
        raise UsageError(
            "retrieval.ranking = dense needs an encoder: --set retrieval.dense_model=FOLDER_OR_NAME"
        )
    from harness.data.dense import Encoder, dense_order

    return partial(dense_order, Encoder(model, "retrieval.dense_model"), task)


def bm25_order(task: Task, example: Example) -> list[int]:
    """The indices of the profile's entries by falling BM25; ties keep the profile's order."""
    return best_first(bm25_scores(task, example))


def bm25_scores(task: Task, example: Example) -> list[float]:
    """One score per entry: rank_bm25's BM25Okapi with its defaults, on white-space tokens."""
    documents = [task.retrieved(entry).split() for entry in example.profile]
    if not any(documents):
        return [0.0] * len(documents)  # BM25Okapi divides by the number of tokens
    from rank_bm25 import BM25Okapi

    scores = BM25Okapi(documents).get_scores(task.query(example.input).split())
    return [float(score) for score in scores]


def recency_order(example: Example) -> list[int]:
    """Last entry first, as in LongLaMP, which takes profiles to be in chronological order."""
    return list(reversed(range(len(example.profile))))


def random_order(example: Example) -> list[int]:
    """An order that depends on the example's id alone: the same for every machine and seed."""

    def key(index: int) -> bytes:
        return hashlib.sha256(f"{example.id}\0{index}".encode()).digest()

    return sorted(range(len(example.profile)), key=key)


def best_first(scores: Sequence[float]) -> list[int]:
    """The indices by falling score; ties keep their order."""
    return sorted(range(len(scores)), key=lambda index: -float(scores[index]))
