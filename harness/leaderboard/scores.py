"""A row's numbers from its texts, computed by `submit` and again by `verify`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.leaderboard.board import Board
from harness.leaderboard.schema import Metric, Slice
from harness.metrics.base import Metric as ScoredBy
from harness.metrics.scoring import joined
from harness.record import ExampleValues
from harness.run.evaluate.texts import metrics_of, score_texts
from harness.settings import DataSettings, EvalSettings
from harness.statistics.panel import sums_by_user
from harness.types import SplitData

DIGITS = 4
"""Decimals stored of values per example."""


@dataclass(frozen=True)
class Numbers:
    """The part of a submission that is computed from texts and references."""

    metrics: dict[str, Metric]
    slices: dict[str, tuple[Slice, ...]]
    ids: tuple[str, ...]
    users: tuple[int, ...]
    scores: dict[str, tuple[float | None, ...]]
    without: dict[str, tuple[float, ...]]
    missing: dict[str, str]


def numbers(
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    names: Sequence[str],
    scoring: EvalSettings,
) -> Numbers:
    """Scores of texts on the metrics `names`.

    test: the test split. samples: id → text, one mapping per sample. names: metrics.
    scoring: the board's slices and tokenizers.

    Intervals use the harness's default number of resamples, whatever the run used, so that all rows
    of a board are comparable. `missing`: metrics without a value, and the remedy.
    """
    options = EvalSettings(
        metrics=tuple(names),
        slices=scoring.slices,
        tokenizer=scoring.tokenizer,
        bleu_tokenizer=scoring.bleu_tokenizer,
    )
    found = score_texts(test, samples, options)
    user_ids = [example.user_id for example in test.examples]
    order = {user: index for index, user in enumerate(dict.fromkeys(user_ids))}
    return Numbers(
        metrics={
            name: Metric(
                value=(one := found.metrics[name]).value,
                low=one.low,
                high=one.high,
                signature=one.signature,
            )
            for name in names
        },
        slices={
            name: tuple(
                Slice(
                    start=row.start,
                    examples=row.examples,
                    value=row.value,
                    low=row.low,
                    high=row.high,
                )
                for row in rows
            )
            for name, rows in found.slices.items()
            if name in names
        },
        ids=tuple(found.examples),
        users=tuple(order[user] for user in user_ids),
        scores={
            name: tuple(_rounded(values.scores[name]) for values in found.examples.values())
            for name in names
        },
        without={
            each.name: _without(each, found.examples.values(), user_ids)
            for each in metrics_of(test, options)
            if each.name in names and not each.mean and each.name in found.slices
        },
        missing={
            name: one.missing for name in names if (one := found.metrics[name]).missing is not None
        },
    )


def _without(
    metric: ScoredBy, examples: Iterable[ExampleValues], users: Sequence[str]
) -> tuple[float, ...]:
    """The metric leaving out each user in turn; users in order of first appearance."""
    rows = np.array([values.rows[metric.name] for values in examples], dtype=np.float64)
    statistic, combined = joined(metric.statistic, np.moveaxis(rows, 1, 0))
    sums = sums_by_user(combined, users)
    left = statistic.value(sums.sum(axis=0) - sums)
    return tuple(round(float(value), DIGITS) for value in left)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def board_data(board: Board, source: str | None) -> DataSettings:
    """Settings that load the board's test set; `source` overrides where it comes from."""
    kind = source or board.data
    return DataSettings(
        source=kind,
        setting=board.test.setting,
        limit=board.limit,
        mini_seed=board.mini_seed,
        revision=board.revision if kind == "hub" and board.revision else "main",
    )
