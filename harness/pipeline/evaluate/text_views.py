"""The views that need texts only. No torch is imported, so that scoring starts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.pipeline.evaluate.author_identification import author_identification
from harness.pipeline.evaluate.texts import score_texts
from harness.record import Record
from harness.settings import EvalSettings
from harness.types import SplitData


def evaluate_texts(
    record: Record, test: SplitData, samples: Sequence[Mapping[str, str]], options: EvalSettings
) -> Record:
    """`record` with the scores of texts against references.

    record: with or without scores of an earlier evaluation.
    test: the split.
    samples: for each sample, texts by example id.
    options: metrics and slices.
    """
    scores = score_texts(test, samples, options)
    found = scores.examples
    record = replace(
        record,
        metrics=scores.metrics,
        quality=scores.quality,
        slices=scores.slices,
        breakdowns=scores.breakdowns,
        examples={key: record.examples.get(key, each) for key, each in found.items()},
    )
    return record.with_values(
        user={key: each.user for key, each in found.items()},
        rows={key: each.rows for key, each in found.items()},
        scores={key: each.scores for key, each in found.items()},
        quality={key: each.quality for key, each in found.items()},
    )


def evaluate_authors(
    record: Record, test: SplitData, samples: Sequence[Mapping[str, str]], options: EvalSettings
) -> Record:
    """`record` with author identification; arguments as in `evaluate_texts`."""
    authors, ranks = author_identification(test, samples, options.resamples)
    return replace(record, authors=authors).with_values(authors=ranks)
