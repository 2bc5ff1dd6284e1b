"""Ranking of one profile against its example's input: bm25, recency, random, dense. Best first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from harness.data.tasks import Task
from harness.errors import UsageError
from harness.settings import RetrievalSettings
from harness.types import Example

Ranking = Callable[[Example], list[int]]
"""An example → indices of its profile's entries, best first, each once."""


def ranking(task: Task, settings: RetrievalSettings) -> Ranking:
    """The ranking that the settings name, cut to its best `k` where k is set.

    Raises UsageError for `dense` without an encoder.
    """
    ranked = _ranking(task, settings)
    return lambda example: ranked(example)[: settings.k]


def _ranking(task: Task, settings: RetrievalSettings) -> Ranking:
    if settings.ranking == "bm25":
        return lambda example: bm25_order(task, example)
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
    """BM25Okapi of rank_bm25 with its defaults on white-space tokens; ties by profile order."""
    documents = [task.retrieved(entry).split() for entry in example.profile]
    if not any(documents):
        return list(range(len(documents)))  # BM25Okapi divides by the number of tokens
    from rank_bm25 import BM25Okapi

    return best_first(BM25Okapi(documents).get_scores(task.query(example.input).split()))


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
