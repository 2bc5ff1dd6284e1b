"""What systems are compared by: each measure as rows that add up, and a statistic of their sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean

import numpy as np

from harness.metrics.bleu import bleu_of
from harness.metrics.drift import SLOPE
from harness.metrics.summary import OWN_SCALE
from harness.record import ExampleValues, Record
from harness.reports.runs.systems import Board, System
from harness.statistics import MEAN, PERCENT_MEAN, RATIO, Array, Statistic
from harness.statistics.panel import PERCENT

BLEU_COUNTS = 10
OWN = "its own scale"


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
    lower_is_better: bool = False
    digits: int = 2

    def better(self, difference: float) -> bool:
        """Whether `difference` = first − second favours the first."""
        return difference < 0 if self.lower_is_better else difference > 0


def measures_of(board: Board) -> list[Measure]:
    """What every run of the board has: the main one first (see `main_measure`)."""
    records = [record for system in board.systems for record in system.records]
    found = []
    if all(record.following is not None for record in records):
        found.append(_mean("following", "preferences followed", "% of calls"))
    for name in records[0].metrics:
        if all(_usable(record, name) for record in records):
            found.append(BLEU if name == "bleu" else _metric(records[0], name))
    if all(record.likelihood and record.likelihood.value is not None for record in records):
        found.append(NLL)
        if any(drift_row(values) for values in records[0].examples.values()):
            found.append(DRIFT)
    return found


def main_measure(measures: Sequence[Measure], wanted: str | None = None) -> Measure:
    """The measure of the verdict: `wanted`, else following on the built-in benchmark, else BLEU."""
    from harness.errors import UsageError

    by_name = {measure.name: measure for measure in measures}
    if not by_name:
        raise UsageError(
            "these runs share no measure; expected a metric, NLL or following in all of them"
        )
    if wanted is not None and wanted not in by_name:
        raise UsageError(f"--metric {wanted!r} is not in every run. Known: {', '.join(by_name)}")
    order = [wanted] if wanted else ["following", "bleu", *by_name]
    return next(by_name[name] for name in order if name in by_name)


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


def _usable(record: Record, name: str) -> bool:
    """Whether examples can stand for a metric's corpus value: BLEU's counts, or a plain mean."""
    score = record.metrics.get(name)
    if score is None or score.value is None:
        return False
    if name == "bleu":
        return all(values.bleu_statistics for values in record.examples.values())
    each = (values.scores.get(name) for values in record.examples.values())
    values = [value for value in each if value is not None]
    return bool(values) and isclose(fmean(values), score.value, rel_tol=1e-6, abs_tol=1e-6)


def _metric(record: Record, name: str) -> Measure:
    scale = OWN if OWN_SCALE in record.metrics[name].signature else "0–100"
    return _mean(name, TITLES.get(name, name), scale)


TITLES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum",
          "meteor": "METEOR", "bleu": "BLEU", "following": "preferences followed",
          "nll": "NLL"}  # fmt: skip


def _mean(name: str, title: str, unit: str) -> Measure:
    def row(values: ExampleValues) -> Sequence[float] | None:
        value = values.scores.get(name)
        return None if value is None else (value, 1.0)

    def absent(values: ExampleValues) -> Sequence[float] | None:
        return (0.0, 1.0) if values.scores.get(name) is not None else None

    statistic = MEAN if unit == OWN else PERCENT_MEAN
    return Measure(name, title, unit, statistic, row, absent)


def _bleu_row(values: ExampleValues) -> Sequence[float] | None:
    return values.bleu_statistics or None


def _bleu_absent(values: ExampleValues) -> Sequence[float]:
    """Nothing written where a reference of this length was expected, in every sample."""
    return [
        float(count) if at % BLEU_COUNTS == 1 else 0.0  # second of ten: the reference's length
        for at, count in enumerate(values.bleu_statistics)
    ]


def _bleu(sums: Array) -> Array:
    """Mean over samples of corpus BLEU; sums [..., 10 · samples]."""
    parts = np.split(sums, sums.shape[-1] // BLEU_COUNTS, axis=-1)
    return np.asarray(np.mean([bleu_of(part) for part in parts], axis=0), dtype=np.float64)


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


BLEU = Measure("bleu", "BLEU", "0–100", Statistic(_bleu, scale=PERCENT), _bleu_row, _bleu_absent)
NLL = Measure(
    "nll", "NLL of the references", "nats per slice token", RATIO, _nll_row,
    lower_is_better=True, digits=3,
)  # fmt: skip
DRIFT = Measure(
    "nll_drift", "drift of NLL", "nats per 100 tokens", SLOPE, drift_row,
    lower_is_better=True, digits=3,
)  # fmt: skip
