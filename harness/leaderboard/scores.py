"""The numbers of a row from its texts: what `submit` writes and `verify` finds again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.leaderboard.board import FOLLOWING, Board
from harness.leaderboard.schema import Metric, Slice
from harness.metrics.bleu import bleu_of, bleu_statistics
from harness.metrics.following import SIGNATURE as FOLLOWING_SIGNATURE
from harness.scoring import score_texts
from harness.settings import DataSettings, EvalSettings
from harness.statistics.panel import sums_by_user
from harness.types import SplitData

DIGITS = 4
"""Decimals kept of values per example."""


@dataclass(frozen=True)
class Numbers:
    """Everything of a submission that follows from texts and references."""

    metrics: dict[str, Metric]
    slices: dict[str, tuple[Slice, ...]]
    ids: tuple[str, ...]
    users: tuple[int, ...]
    scores: dict[str, tuple[float | None, ...]]
    bleu_without: tuple[float, ...]
    missing: dict[str, str]


def numbers(
    test: SplitData,
    samples: Sequence[Mapping[str, str]],
    names: Sequence[str],
    scoring: EvalSettings,
    data: DataSettings,
) -> Numbers:
    """Scores of texts (id → text, one mapping a sample) on the metrics `names`.

    scoring: the board's slices and tokenizers.

    Intervals have the harness's default number of resamples whatever the run used, so that all
    rows of a board are alike. `missing`: metrics without a value, and how to get them.
    """
    options = EvalSettings(
        metrics=tuple(name for name in names if name != FOLLOWING),
        slices=scoring.slices,
        tokenizer=scoring.tokenizer,
        bleu_tokenizer=scoring.bleu_tokenizer,
    )
    found = score_texts(test, samples, options, data)
    metrics = {
        name: Metric(value=one.value, low=one.low, high=one.high, signature=one.signature)
        for name, one in found.metrics.items()
    }
    curves = {
        name: tuple(Slice(start=row.start, examples=row.examples, value=row.value) for row in rows)
        for name, rows in found.slices.items()
    }
    if found.following is not None and FOLLOWING in names:
        rate = found.following
        metrics[FOLLOWING] = Metric(
            value=rate.value, low=rate.low, high=rate.high, signature=FOLLOWING_SIGNATURE
        )
        curves[FOLLOWING] = tuple(
            Slice(start=row.start, value=row.value, low=row.low, high=row.high)
            for row in rate.slices
        )
    ids = tuple(example.id for example in test.examples)
    user_ids = [example.user_id for example in test.examples]
    order = {user: at for at, user in enumerate(dict.fromkeys(user_ids))}
    return Numbers(
        metrics={name: metrics[name] for name in names if name in metrics},
        slices=curves,
        ids=ids,
        users=tuple(order[user] for user in user_ids),
        scores={
            name: tuple(_rounded(found.examples[key].get(name)) for key in ids)
            for name in names
            if name in metrics
        },
        bleu_without=_bleu_without(test, samples, options.bleu_tokenizer)
        if "bleu" in names
        else (),
        missing={name: one.missing for name, one in found.metrics.items() if one.missing},
    )


def _bleu_without(
    test: SplitData, samples: Sequence[Mapping[str, str]], tokenizer: str
) -> tuple[float, ...]:
    """Corpus BLEU without each user in turn, averaged over samples; users as they first appear."""
    users = [example.user_id for example in test.examples]
    references = [test.references[example.id].text for example in test.examples]
    left = []
    for sample in samples:
        texts = [sample.get(example.id, "") for example in test.examples]
        sums = sums_by_user(bleu_statistics(texts, references, tokenizer), users)
        left.append(bleu_of(sums.sum(axis=0) - sums))
    return tuple(round(float(value), DIGITS) for value in np.mean(left, axis=0))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def board_data(board: Board, source: str | None) -> DataSettings:
    """Where this board's test set is read from; `source` overrides (a folder one has)."""
    kind = source or board.data
    return DataSettings(
        source=kind,
        setting=board.test.setting,
        limit=board.limit,
        mini_seed=board.mini_seed,
        revision=board.revision if kind == "hub" and board.revision else "main",
    )
