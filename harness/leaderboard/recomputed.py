"""A row's numbers from its texts, computed by `submit` and again by `verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.leaderboard.submission import Examples, Metric, Slice, Slices
from harness.metrics.base import Metric as ScoredBy
from harness.metrics.scoring import joined
from harness.pipeline.evaluate.texts import Scores, metrics_of, score_texts
from harness.settings import EvalSettings
from harness.statistics.panel import sums_by_user
from harness.types import SplitData

DIGITS = 4
"""Decimals stored of values per example."""


@dataclass(frozen=True)
class Numbers:
    """The part of a submission that is computed from texts and references.

    missing: metrics without a value, and the remedy.
    """

    metrics: dict[str, Metric]
    slices: dict[str, Slices]
    examples: Examples
    missing: dict[str, str]


def numbers(
    test: SplitData, samples: Sequence[Mapping[str, str]], scoring: EvalSettings
) -> Numbers:
    """Scores of texts on the metrics of `scoring`, which comes from `Board.scoring`.

    test: the test split. samples: id → text, one mapping per sample.
    """
    found, names = score_texts(test, samples, scoring), scoring.metrics
    scores = {
        name: tuple(_rounded(values.scores[name]) for values in found.examples.values())
        for name in names
    }
    without = {
        each.name: _without(each, found, test)
        for each in metrics_of(test, scoring)
        if each.name in names and not each.mean and each.name in found.slices
    }
    return Numbers(
        metrics={name: Metric.of(found.metrics[name]) for name in names},
        slices={
            name: tuple(map(Slice.of, rows)) for name, rows in found.slices.items() if name in names
        },
        examples=Examples.of(
            None, ids=tuple(found.examples), users=numbered(test), scores=scores, without=without
        ),
        missing={name: why for name in names if (why := found.metrics[name].missing) is not None},
    )


def numbered(test: SplitData) -> tuple[int, ...]:
    """The user of every example, numbered from 0 in order of first appearance."""
    order: dict[str, int] = {}
    return tuple(order.setdefault(example.user_id, len(order)) for example in test.examples)


def _without(metric: ScoredBy, found: Scores, test: SplitData) -> tuple[float, ...]:
    """The metric leaving out each user in turn; users in order of first appearance."""
    rows = np.array([values.rows[metric.name] for values in found.examples.values()], np.float64)
    statistic, combined = joined(metric.statistic, np.moveaxis(rows, 1, 0))
    sums = sums_by_user(combined, [example.user_id for example in test.examples])
    left = statistic.value(sums.sum(axis=0) - sums)
    return tuple(round(float(value), DIGITS) for value in left)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
