"""What systems are compared by: each measure as rows that add up, and a statistic of their sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isclose

import numpy as np

from harness.errors import UsageError
from harness.metrics import EXTERNAL, metric
from harness.metrics.base import OWN, Better, Metric
from harness.metrics.drift import SLOPE
from harness.metrics.scores import joined
from harness.record import ExampleValues, Record
from harness.registry import table
from harness.reports.runs.systems import Board, System
from harness.statistics import MEAN, RATIO, Array, Statistic

WORDS = ("bleu", "rougeL", "meteor")
"""Metrics of words that are shown where there is no room for all."""


@dataclass(frozen=True)
class Measure:
    """One number of a system.

    row: what a record says of an example → its row, None where it has no value there.
    absent: the row of an example that a run lacks (as if empty), from another run's values; None
    where an example without text has no value.
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
        """Whether `difference` = first − second favours the first."""
        return difference < 0 if self.lower_is_better else difference > 0


def measures_of(board: Board) -> list[Measure]:
    """What every run of the board has: the main one first (see `main_measure`)."""
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


def main_measure(measures: Sequence[Measure], wanted: str | None = None) -> Measure:
    """The measure of the verdict: `wanted`, else the first metric of the runs.

    That is the one that the data's source brings, where it brings one.
    """
    by_name = {measure.name: measure for measure in measures}
    if not by_name:
        raise UsageError("these runs share no measure; expected a metric or NLL in all of them")
    if wanted is not None and wanted not in by_name:
        raise UsageError(f"--metric {wanted!r} is not in every run. Known: {', '.join(by_name)}")
    return by_name[wanted or next(iter(by_name))]


def rows_of(measure: Measure, board: Board, system: System) -> Array:
    """Rows [S,N,K] of a system's training seeds, examples in the board's order."""
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
            rows.append(measure.absent(_elsewhere(board, key)) or nothing)
    return np.array(rows, dtype=np.float64).reshape(len(rows), length)


def _elsewhere(board: Board, key: str) -> ExampleValues:
    records = [record for system in board.systems for record in system.records]
    return next(record.examples[key] for record in records if key in record.examples)


def _of_metric(name: str, records: Sequence[Record]) -> Measure | None:
    """The measure of a metric; None where its package is not installed, or a run lacks its value.

    A metric of evaluate is taken as a mean on its own scale, without loading it.
    """
    if any(record.metrics[name].value is None for record in records):
        return None
    if name.startswith(EXTERNAL):
        return Measure(name, name, OWN, MEAN, _mean_row(name))
    if name not in table("metric"):
        return None
    own = metric(name)
    row = _mean_row(name) if own.mean else _kept_row(name)
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
    """The mean over samples whose rows stand side by side."""
    return joined(own.statistic, np.zeros((samples, 0, 1)))[0]


def _mean_row(name: str) -> Callable[[ExampleValues], Sequence[float] | None]:
    def row(values: ExampleValues) -> Sequence[float] | None:
        value = values.scores.get(name)
        return None if value is None else (value, 1.0)

    return row


def _kept_row(name: str) -> Callable[[ExampleValues], Sequence[float] | None]:
    def row(values: ExampleValues) -> Sequence[float] | None:
        return [one for sample in values.rows.get(name, ()) for one in sample] or None

    return row


def _adds_up(measure: Measure, record: Record) -> bool:
    """Whether the rows that a record keeps give the value that it reports."""
    rows = [row for values in record.examples.values() if (row := measure.row(values))]
    said = record.metrics[measure.name].value
    if not rows or said is None:
        return False
    found = float(measure.statistic.value(np.array(rows, dtype=np.float64).sum(axis=0)))
    return isclose(found, said, rel_tol=1e-6, abs_tol=1e-6)


def _nll_row(values: ExampleValues) -> Sequence[float] | None:
    own = values.likelihood
    return None if own is None or own.mean is None else (sum(own.nll), sum(own.slice_tokens))


def drift_row(values: ExampleValues) -> Sequence[float] | None:
    """Only of references that reach every slice, so that no slice holds other people."""
    own = values.likelihood
    if own is None or len(own.nll) < 2 or not own.reaches_all():
        return None
    places = [count * at for count, at in zip(own.slice_tokens, own.positions, strict=True)]
    return [*own.nll, *own.slice_tokens, *places]


NLL = Measure(
    "nll", "NLL of the references", "nats per slice token", RATIO, _nll_row,
    better="lower", digits=3,
)  # fmt: skip
DRIFT = Measure(
    "nll_drift", "drift of NLL", "nats per 100 tokens", SLOPE, drift_row,
    better="lower", digits=3,
)  # fmt: skip
