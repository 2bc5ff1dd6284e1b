"""Ranking of one profile against its example's input: bm25, recency, random, dense. Best first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.data.tasks import Task
from harness.errors import UsageError
from harness.settings import RetrievalSettings
from harness.types import Example

Ranking = Callable[[Example], list[int]]
"""An example → indices of its profile's entries, best first, each once."""


@dataclass(frozen=True)
class Ranked:
    """Indices of a profile's entries, best first; tied: BM25 scored two or more, all of them alike.

    Then the order is the profile's own and says nothing of the input.
    """

    order: list[int]
    tied: bool = False


def ranking(task: Task, settings: RetrievalSettings) -> Callable[[Example], Ranked]:
    """The ranking that the settings name, cut to its best `k` where k is set.

    Raises UsageError for `dense` without an encoder.
    """
    if settings.ranking == "bm25":
        return lambda example: _by_bm25(task, settings.k, example)
    ranked = _ranking(task, settings)
    return lambda example: Ranked(ranked(example)[: settings.k])


def _by_bm25(task: Task, k: int | None, example: Example) -> Ranked:
    scores = bm25_scores(task, example)
    return Ranked(best_first(scores)[:k], len(scores) > 1 and len(set(scores)) == 1)


def _ranking(task: Task, settings: RetrievalSettings) -> Ranking:
    if settings.ranking == "recency":
        return recency_order
    if settings.ranking == "random":
        return random_order
    if settings.dense_model is None:
        raise UsageError(
            "retrieval.ranking = dense needs an encoder: --set retrieval.dense_model=FOLDER_OR_NAME"
        )
    from harness.data.dense import DenseOrder

    return DenseOrder(task, settings.dense_model)


def bm25_order(task: Task, example: Example) -> list[int]:
    """Indices of the profile's entries by falling BM25; ties by profile order."""
    return best_first(bm25_scores(task, example))


def bm25_scores(task: Task, example: Example) -> list[float]:
    """BM25Okapi of rank_bm25 with its defaults on white-space tokens, one score an entry."""
    documents = [task.retrieved(entry).split() for entry in example.profile]
    if not any(documents):
        return [0.0] * len(documents)  # BM25Okapi divides by the number of tokens
    from rank_bm25 import BM25Okapi

    scores = BM25Okapi(documents).get_scores(task.query(example.input).split())
    return [float(score) for score in scores]


def recency_order(example: Example) -> list[int]:
    """The end of the list first, as in LongLaMP: lists are taken to be in the order of writing."""
    return list(reversed(range(len(example.profile))))


def random_order(example: Example) -> list[int]:
    """An order that the example's id alone decides: the same for every machine and seed."""
    turns = [hashlib.sha256(f"{example.id}\0{i}".encode()).digest() for i in _indices(example)]
    return sorted(_indices(example), key=turns.__getitem__)


def best_first(scores: Sequence[float]) -> list[int]:
    """Indices by falling score; ties keep their order."""
    return sorted(range(len(scores)), key=lambda index: -float(scores[index]))


def _indices(example: Example) -> range:
    return range(len(example.profile))
