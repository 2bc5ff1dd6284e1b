"""What systems are compared on: each measure has rows that add up, and a statistic of the sum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isclose
from statistics import fmean

import numpy as np

from harness.errors import DataError, UsageError
from harness.metrics import EXTERNAL, better_of, is_known, is_mean, metric
from harness.metrics.base import OWN, Better, Metric
from harness.metrics.drift import NLL_DRIFT, SLOPE
from harness.metrics.scoring import joined
from harness.record import ExampleValues, Record, SliceNll
from harness.reports.runs.systems import Board, System
from harness.statistics import MEAN, RATIO, Array, Statistic

UNKNOWN_WITHOUT_TEXT = (
    "texts are missing in some runs, and what this metric gives an empty text is not known;"
    " compare runs that have the same examples"
)
Row = Callable[[ExampleValues], Sequence[float] | None]


@dataclass(frozen=True)
class Rows:
    """One number of a system, from the examples' values in its records.

    statistic: the sum of rows → the number.
    row: an example's values → its row; None if it has no value.
    absent: the row of an example that a run lacks, scored as an empty text and derived from another
        run's values; None if it is not known, and the example is left out.
    """

    statistic: Statistic
    row: Row
    absent: Row = lambda values: None


@dataclass(frozen=True, kw_only=True)
class Measure(Rows):
    """A number on which systems are compared.

    better, digits: which end wins, and digits after the point.
    brief: whether it is shown where there is no room for all measures.
    """

    name: str
    title: str
    unit: str
    better: Better = "higher"
    digits: int = 2
    brief: bool = True

    @property
    def lower_is_better(self) -> bool:
        return self.better == "lower"

    @property
    def direction(self) -> str:
        """`higher is better`, or lower."""
        return f"{self.better} is better"

    def favours_first(self, difference: float) -> bool:
        """True if the difference first − second favours the first."""
        return difference < 0 if self.lower_is_better else difference > 0


def mean_of(read: Callable[[ExampleValues], float | None], statistic: Statistic = MEAN) -> Rows:
    """Rows of a mean over examples; `read` gives an example's value."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        value = read(values)
        return None if value is None else (value, 1.0)

    return Rows(statistic, row)


def measures_of(board: Board) -> list[Measure]:
    """The measures that every run of the board has."""
    found = [one for one in _of_metrics(board).values() if isinstance(one, Measure)]
    if all(record.likelihood and record.likelihood.value is not None for record in board.records):
        found.append(NLL)
        if any(map(DRIFT.row, board.records[0].examples.values())):
            found.append(DRIFT)
    return found


def not_compared(board: Board) -> dict[str, str]:
    """Metrics that some run has but that are not compared → why."""
    return {name: why for name, why in _of_metrics(board).items() if isinstance(why, str)}


def main_measure(
    measures: Sequence[Measure], name: str | None = None, boards: Sequence[Board] = ()
) -> Measure:
    """The measure that the verdict is about: `name`, else the runs' first metric.

    measures: those that are shared.
    name: of the one that is asked for.
    boards: say why it is not among them, or why there are none.

    A data source that brings its own metric puts it first. Raises UsageError if no measure is
    shared, or if `name` is not among the shared ones.
    """
    by_name = {measure.name: measure for measure in measures}
    if not by_name:
        raise UsageError(
            "these runs share no measure; expected a metric or NLL in all of them"
            + "".join(f"\n{', '.join(names)}: {why}" for why, names in _by_reason(boards).items())
        )
    if name is not None and name not in by_name:
        reasons = (not_compared(board).get(name) for board in boards)
        why = next((f"compared: {one}" for one in reasons if one), "in every run")
        raise UsageError(f"--metric {name!r} is not {why}. Known: {', '.join(by_name)}")
    return by_name[name or next(iter(by_name))]


def _by_reason(boards: Sequence[Board]) -> dict[str, list[str]]:
    """Why metrics are not compared → the metrics, each once."""
    found: dict[str, list[str]] = {}
    for board in boards:
        for name, why in not_compared(board).items():
            names = found.setdefault(why, [])
            names += [name] if name not in names else []
    return found


def measure_of(name: str, samples: int = 1) -> Measure:
    """The measure of a metric; `samples` is the number of texts of each example.

    A metric of the `evaluate` library, or one that is not installed here, is treated as a mean on
    its own scale; what it gives an empty text is not known.
    """
    scores = mean_of(lambda values: values.scores.get(name))
    if name.startswith(EXTERNAL) or not is_known(name):
        return Measure(
            scores.statistic, scores.row,
            name=name, title=name, unit=OWN, better=better_of(name),
        )  # fmt: skip
    own = metric(name)
    row: Row = scores.row if own.mean else _stored_row(name)

    def absent(values: ExampleValues) -> Sequence[float] | None:
        known = row(values)
        if known is None:
            return None
        parts = np.array(known, dtype=np.float64).reshape(1 if own.mean else samples, -1)
        empty = own.absent(parts)
        return None if empty is None else [float(one) for one in empty.ravel()]

    return Measure(
        own.statistic if own.mean else _over_samples(own, samples), row, absent,
        name=name, title=own.title or name, unit=own.unit, better=own.better, digits=own.digits,
        brief=own.brief,
    )  # fmt: skip


def brief(names: Iterable[str], main: str) -> list[Measure]:
    """The metrics to show where there is no room for all: the main one and those marked so."""
    return [one for one in map(measure_of, names) if one.brief or one.name == main]


def rows_of(rows: Rows, board: Board, system: System) -> Array:
    """Rows [S,N,K]: S training seeds, N examples in the board's order, K numbers a row."""
    each = [
        [
            rows.row(record.examples[key])
            if key in record.examples
            else rows.absent(values_in_another_run(board, key))
            for key in board.ids
        ]
        for record in system.records
    ]
    nothing = [0.0] * next((len(row) for of_seed in each for row in of_seed if row), 1)
    return np.array([[row or nothing for row in of_seed] for of_seed in each], dtype=np.float64)


def values_in_another_run(board: Board, key: str) -> ExampleValues:
    """An example's values in the first run that has it."""
    return next(record.examples[key] for record in board.records if key in record.examples)


def _of_metrics(board: Board) -> dict[str, Measure | str]:
    """Every metric that some run has → its measure, or why it is not compared."""
    names = dict.fromkeys(name for record in board.records for name in record.metrics)
    return {name: _shared(name, board) for name in names}


def _shared(name: str, board: Board) -> Measure | str:
    records = board.records
    scores = [record.metrics[name] for record in records if name in record.metrics]
    without = [one.missing for one in scores if one.value is None]
    if without:
        return str(without[0])
    if len(scores) < len(records):
        return "not in every run"
    if not is_known(name):
        return "not installed here; give its file with --plugin, or install its package"
    samples = (len(rows) for one in records[0].examples.values() if (rows := one.rows.get(name)))
    measure = measure_of(name, next(samples, 1))
    for record in records:
        found, reported = from_examples(measure, record), record.metrics[name]
        if found is None or (reported.low is None and not _equal(found, reported.value or 0.0)):
            return "no values by example that give the recorded score"  # as some have
        refuse_other(name, found, reported.value, record)
    return UNKNOWN_WITHOUT_TEXT if _unknown_without_text(measure, board) else measure


def _unknown_without_text(measure: Measure, board: Board) -> bool:
    """Whether a run lacks an example of which the measure has no row for an empty text."""
    missing = {key for key in board.ids for one in board.records if key not in one.examples}
    others = (values_in_another_run(board, key) for key in missing)
    return any(measure.row(values) and measure.absent(values) is None for values in others)


def _over_samples(own: Metric, samples: int) -> Statistic:
    """The mean over samples whose rows are concatenated."""
    return joined(own.statistic, np.zeros((samples, 0, 1)))[0]


def _stored_row(name: str) -> Row:
    return lambda values: [one for row in values.rows.get(name, ()) for one in row] or None


def from_examples(rows: Rows, record: Record) -> float | None:
    """The value that the examples of a record give; None if they have no rows."""
    found = [row for values in record.examples.values() if (row := rows.row(values))]
    if not found:
        return None
    return float(rows.statistic.value(np.array(found, dtype=np.float64).sum(axis=0)))


def is_apart(name: str, record: Record) -> bool:
    """Whether a record shows that a metric's value is not the mean of its examples' values.

    Where an example has no value, as in older records where one of its samples has none, the record
    does not tell.
    """
    score = record.metrics.get(name)
    each = [values.scores.get(name) for values in record.examples.values()]
    known = [value for value in each if value is not None]
    if score is None or score.value is None or score.low is not None or not is_mean(name):
        return False
    return bool(known) and len(known) == len(each) and not _equal(fmean(known), score.value)


def refuse_other(name: str, found: float | None, reported: float | None, record: Record) -> None:
    """Raise DataError unless a value is the recorded one; where either is absent, none is checked.

    name: of the number. found, reported: as its examples give it, and as the record says.
    """
    if found is None or reported is None or _equal(found, reported):
        return
    raise DataError(
        f"{record.method}, run {record.run_id}: the examples' values of {name} do not give"
        f" its score\n  found     {found:.6g}\n  expected  {reported:.6g}, as"
        " recorded\n  mend      restore the record, or run its command with --fresh"
    )


def _equal(found: float, reported: float) -> bool:
    return isclose(found, reported, rel_tol=1e-6, abs_tol=1e-6)


def nll_row(own: SliceNll | None) -> Sequence[float] | None:
    """The row of a reference's NLL: nats and slice tokens."""
    if own is None or own.nll is None or own.mean is None:
        return None
    return sum(own.nll), sum(own.slice_tokens)


def slope_row(own: SliceNll | None) -> Sequence[float] | None:
    """The row of NLL's slope; None unless the reference reaches every slice.

    So every slice covers the same users.
    """
    if own is None or own.nll is None or len(own.nll) < 2 or not own.reaches_all():
        return None
    pairs = zip(own.slice_tokens, own.positions, strict=True)
    return [*own.nll, *own.slice_tokens, *(count * position for count, position in pairs)]


NLL = Measure(
    RATIO, lambda values: nll_row(values.likelihood), name="nll", title="NLL of the references",
    unit="nats per slice token", better="lower", digits=3,
)  # fmt: skip
DRIFT = Measure(
    SLOPE, lambda values: slope_row(values.likelihood), name=NLL_DRIFT, title="drift of NLL",
    unit="nats per 100 tokens", better="lower", digits=3,
)  # fmt: skip
