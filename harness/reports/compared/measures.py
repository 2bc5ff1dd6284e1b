"""What systems are compared on: each measure has rows that add up, and a statistic of the sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isclose

import numpy as np

from harness.errors import UsageError
from harness.metrics import EXTERNAL, metric
from harness.metrics.base import OWN, Better, Metric
from harness.metrics.drift import SLOPE
from harness.metrics.scoring import joined
from harness.record import ExampleValues, Record
from harness.registry import table
from harness.reports.runs.systems import Board, System
from harness.statistics import MEAN, RATIO, Array, Statistic

WORDS = ("bleu", "rougeL", "meteor")
"""Word-overlap metrics that are shown where there is no room for all."""


@dataclass(frozen=True)
class Measure:
    """One number of a system.

    row: an example's values in a record → its row; None if it has no value.
    absent: the row of an example that a run lacks, scored as an empty text and derived from another
    run's values; None if an empty text has no value.
    statistic: the sum of rows → the number.
    better, digits: which end wins, and digits after the point.
    """

    name: str
    title: str
    unit: str
    statistic: Statistic
    row: Callable[[ExampleValues], Sequence[float] | None]
    absent: Callable[[ExampleValues], Sequence[float] | None] = lambda values: None
    better: Better = "higher"
    digits: int = 2

    @property
    def lower_is_better(self) -> bool:
        return self.better == "lower"

    def favours_first(self, difference: float) -> bool:
        """True if the difference first − second favours the first."""
        return difference < 0 if self.lower_is_better else difference > 0


def measures_of(board: Board) -> list[Measure]:
    """The measures that every run of the board has."""
    records = [record for system in board.systems for record in system.records]
    found = []
    for name in records[0].metrics:
        if all(name in record.metrics for record in records):
            measure = _of_metric(name, records)
            if measure is not None and all(_adds_up(measure, record) for record in records):
                found.append(measure)
    if all(record.likelihood and record.likelihood.value is not None for record in records):
        found.append(NLL)
        if any(drift_row(values) for values in records[0].examples.values()):
            found.append(DRIFT)
    return found


def main_measure(measures: Sequence[Measure], name: str | None = None) -> Measure:
    """The measure that the verdict is about: `name`, else the runs' first metric.

    A data source that brings its own metric puts it first. Raises UsageError if no measure is
    shared, or if `name` is not among the shared ones.
    """
    by_name = {measure.name: measure for measure in measures}
    if not by_name:
        raise UsageError("these runs share no measure; expected a metric or NLL in all of them")
    if name is not None and name not in by_name:
        raise UsageError(f"--metric {name!r} is not in every run. Known: {', '.join(by_name)}")
    return by_name[name or next(iter(by_name))]


def rows_of(measure: Measure, board: Board, system: System) -> Array:
    """Rows [S,N,K]: S training seeds, N examples in the board's order, K numbers a row."""
    length = next(
        (len(row) for values in system.record.examples.values() if (row := measure.row(values))), 1
    )
    return np.stack([_rows(measure, board, run.record, length) for run in system.runs])


def _rows(measure: Measure, board: Board, record: Record, length: int) -> Array:
    nothing = [0.0] * length
    rows = []
    for key in board.ids:
        values = record.examples.get(key)
        if values is not None:
            rows.append(measure.row(values) or nothing)
        else:
            rows.append(measure.absent(_values_in_another_run(board, key)) or nothing)
    return np.array(rows, dtype=np.float64).reshape(len(rows), length)


def _values_in_another_run(board: Board, key: str) -> ExampleValues:
    records = [record for system in board.systems for record in system.records]
    return next(record.examples[key] for record in records if key in record.examples)


def _of_metric(name: str, records: Sequence[Record]) -> Measure | None:
    """The measure of a metric; None if its package is not installed or a run lacks its value.

    A metric of the `evaluate` library is treated as a mean on its own scale, without loading it.
    """
    if any(record.metrics[name].value is None for record in records):
        return None
    if name.startswith(EXTERNAL):
        return Measure(name, name, OWN, MEAN, _mean_row(name))
    if name not in table("metric"):
        return None
    own = metric(name)
    row = _mean_row(name) if own.mean else _stored_row(name)
    samples = next(
        (len(rows) for each in records[0].examples.values() if (rows := each.rows.get(name))), 1
    )
    statistic = own.statistic if own.mean else _over_samples(own, samples)

    def absent(values: ExampleValues) -> Sequence[float] | None:
        known = row(values)
        if known is None:
            return None
        parts = np.array(known, dtype=np.float64).reshape(1 if own.mean else samples, -1)
        return [float(one) for one in own.absent(parts).ravel()]

    title = own.title or name
    return Measure(name, title, own.unit, statistic, row, absent, own.better, own.digits)


def _over_samples(own: Metric, samples: int) -> Statistic:
    """The mean over samples whose rows are concatenated."""
    return joined(own.statistic, np.zeros((samples, 0, 1)))[0]


def _mean_row(name: str) -> Callable[[ExampleValues], Sequence[float] | None]:
    def row(values: ExampleValues) -> Sequence[float] | None:
        value = values.scores.get(name)
        return None if value is None else (value, 1.0)

    return row


def _stored_row(name: str) -> Callable[[ExampleValues], Sequence[float] | None]:
    def row(values: ExampleValues) -> Sequence[float] | None:
        return [one for sample in values.rows.get(name, ()) for one in sample] or None

    return row


def _adds_up(measure: Measure, record: Record) -> bool:
    """True if the rows in a record reproduce the value that it reports."""
    rows = [row for values in record.examples.values() if (row := measure.row(values))]
    reported = record.metrics[measure.name].value
    if not rows or reported is None:
        return False
    from_rows = float(measure.statistic.value(np.array(rows, dtype=np.float64).sum(axis=0)))
    return isclose(from_rows, reported, rel_tol=1e-6, abs_tol=1e-6)


def _nll_row(values: ExampleValues) -> Sequence[float] | None:
    own = values.likelihood
    return None if own is None or own.mean is None else (sum(own.nll), sum(own.slice_tokens))


def drift_row(values: ExampleValues) -> Sequence[float] | None:
    """The row of NLL's slope; None unless the reference reaches every slice.

    So every slice covers the same users.
    """
    own = values.likelihood
    if own is None or len(own.nll) < 2 or not own.reaches_all():
        return None
    weighted = [
        count * position for count, position in zip(own.slice_tokens, own.positions, strict=True)
    ]
    return [*own.nll, *own.slice_tokens, *weighted]


NLL = Measure(
    "nll", "NLL of the references", "nats per slice token", RATIO, _nll_row,
    better="lower", digits=3,
)  # fmt: skip
DRIFT = Measure(
    "nll_drift", "drift of NLL", "nats per 100 tokens", SLOPE, drift_row,
    better="lower", digits=3,
)  # fmt: skip
