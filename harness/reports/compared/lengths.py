"""Values of texts with their lengths, for differences that are controlled for length."""

from __future__ import annotations

from statistics import fmean

import numpy as np

from harness.record import ExampleValues
from harness.reports.compared.measures import Measure, values_in_another_run
from harness.reports.runs.systems import Board, System
from harness.statistics import Array


def _bleu_tokens(values: ExampleValues) -> float | None:
    rows = values.rows.get("bleu")
    return fmean(row[0] for row in rows) if rows else None


def _of_reference(values: ExampleValues) -> float | None:
    return values.quality.get("length")


SOURCES = (_bleu_tokens, _of_reference)
"""Lengths in a record: BLEU's tokens, or the share of the reference's length. In a ratio of two
systems' texts the reference's length cancels."""


def values_with_lengths(measure: Measure, board: Board, system: System) -> Array | None:
    """The value and length of each text [S,N,2], NaN where there is none.

    A text that a run lacks is an empty one, as in `rows_of`. None where the measure is not one of
    texts, or where some record on the board has no lengths.
    """
    if any(measure.name not in record.metrics for record in board.records):
        return None
    for length in SOURCES:
        if all(any(map(length, record.examples.values())) for record in board.records):
            found = [
                [(one.scores.get(measure.name), length(one))
                 if (one := record.examples.get(key)) else (_of_empty(measure, board, key), 0.0)
                 for key in board.ids]
                for record in system.records
            ]  # fmt: skip
            return np.array(found, dtype=np.float64)  # None becomes NaN
    return None


def _of_empty(measure: Measure, board: Board, key: str) -> float | None:
    """The value of an empty text for an example; None if it is not known."""
    row = measure.absent(values_in_another_run(board, key))
    return None if row is None else float(measure.statistic.value(np.array(row)))
