"""A metric's score: value, interval and values per example, computed alike for every metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isclose, isfinite, isnan
from statistics import fmean

import numpy as np

from harness.errors import DataError
from harness.metrics.base import OF_A_HUNDRED, Metric, Pair, Unavailable
from harness.metrics.coverage import MOST_UNSEEN, unseen_share, unseen_words
from harness.metrics.shared_rows import RowsOf, own_rows
from harness.metrics.signatures import of_samples
from harness.plugins import explain, home_of
from harness.statistics import Array, Panel, Statistic, interval, mean_rows
from harness.types import Score

NOTHING = "nothing to average: no example was scored"
ROUNDING = 1e-6
"""By how much a sum of floats may leave the range of its unit."""


@dataclass(frozen=True)
class Scored:
    """A score, and the rows [S,N,K] that it comes from; None if no rows give the value."""

    score: Score
    rows: Array | None = None


def broken(metric: Metric, error: BaseException) -> str:
    """What a metric that raises is null with: the error, its line, and the metric's file."""
    home = home_of(type(metric))
    return f"metric {metric.name!r} of {home} is broken: {explain(error, home)}"


def scored(
    metric: Metric,
    samples: Sequence[Sequence[Pair]],
    panel: Panel | None,
    rows_of: RowsOf = own_rows,
) -> Scored:
    """A metric of one or several samples of the same examples, with its interval over users.

    samples: the pairs of each sample, in the order of the panel's users.
    panel: the users of the examples; None: no interval.
    rows_of: gives the metric's rows; they may have been computed before.

    The value is the mean over samples; of a mean over examples, each example counts with the mean
    over its samples that have a value. It is None, with the reason in `missing`, if a sample has
    no value, if the metric's tokenizer does not see the references, or if the metric raises or
    gives a value that is no finite number, which no record can hold.
    There is neither interval nor rows if the rows do not give the value (some metrics of evaluate).
    """
    try:
        found = _scored(metric, samples, panel, rows_of)
        _refuse_infinite(metric, found.score, samples[0])
        return found
    except (Exception, SystemExit) as error:
        why = broken(metric, error)
    return Scored(Score(None, (None,) * len(samples[0]), metric.name, missing=why))


def _scored(
    metric: Metric, samples: Sequence[Sequence[Pair]], panel: Panel | None, rows_of: RowsOf
) -> Scored:
    first = samples[0]
    if not first:
        return Scored(Score(None, (), metric.signature, missing=NOTHING))
    none = Score(None, (None,) * len(first), metric.signature)
    if metric.unavailable:
        return Scored(replace(none, missing=metric.unavailable))
    # 1. check that it can be computed
    share = unseen_share([pair.reference for pair in first], metric.unseen)
    try:
        rows = np.stack([_checked(metric, pairs, rows_of) for pairs in samples])
    except Unavailable as why:
        return Scored(replace(none, missing=str(why)))
    if share > MOST_UNSEEN:
        missing = f"{unseen_words(share)}: {metric.remedy}"
        return Scored(replace(none, missing=missing, unseen=share))
    _refuse_shape(metric, rows)
    # 2. the values of all pairs together and of each
    if metric.mean and not rows[..., 1].any(axis=1).all():
        where = "" if len(rows) == 1 else " in one of its samples"
        return Scored(replace(none, missing=f"no example has a value of {metric.name}{where}"))
    statistic, together = joined(metric.statistic, rows)
    if metric.mean:
        value = metric.overall(together, first)
    else:
        value = fmean(metric.overall(*each) for each in zip(rows, samples, strict=True))
    signature = of_samples(metric.signature, len(samples))
    found = Score(value, each(metric, rows), signature, unseen=share)
    if metric.unit in OF_A_HUNDRED:
        _refuse_outside(metric, found, first)
    # 3. the interval
    if not isclose(float(statistic.value(together.sum(axis=0))), value, rel_tol=1e-6, abs_tol=1e-9):
        return Scored(found)
    if panel is None:
        return Scored(found, rows)
    ends = interval(statistic, together, panel)
    return Scored(replace(found, low=ends.low, high=ends.high), rows)


def each(metric: Metric, rows: Array) -> tuple[float | None, ...]:
    """The value of each example from rows [S,N,K]: the mean over its samples that have one."""
    values = np.stack([metric.each(part) for part in rows])  # [S,N]
    known = ([one for one in column if not isnan(one)] for column in values.T.tolist())
    return tuple(fmean(column) if column else None for column in known)


def plain(row: Array) -> tuple[float, ...]:
    """A row [K] for the record: whole numbers as such."""
    return tuple(int(one) if float(one).is_integer() else float(one) for one in row)


def joined(statistic: Statistic, rows: Array) -> tuple[Statistic, Array]:
    """Merge samples: the mean over samples as a statistic, and its rows: [S,N,K] → [N,K'].

    Rows of a mean become each example's mean over its samples with a value; other rows are
    concatenated.
    """
    if len(rows) == 1:
        return statistic, rows[0]
    if statistic.mean:
        known = rows[..., 1] > 0
        count = known.sum(axis=0)
        sums = np.where(known, rows[..., 0], 0.0).sum(axis=0)
        return statistic, np.stack([sums / np.maximum(count, 1), count > 0], axis=1)

    def mean(sums: Array) -> Array:
        parts = np.split(sums, len(rows), axis=-1)
        return np.asarray(np.mean([statistic.value(part) for part in parts], axis=0))

    return replace(statistic, value=mean), np.concatenate(list(rows), axis=1)


def mean_score(
    values: Iterable[float | None],
    statistic: Statistic,
    panel: Panel,
    signature: str,
    missing: str = NOTHING,
) -> Score:
    """The mean of the examples' values with its interval; None entries are left out.

    values: one for each example of the panel.
    statistic: `MEAN`, or `PERCENT_MEAN` for values between 0 and 100.
    panel: the users of the examples.
    signature: how the values were computed.
    missing: the reason to give if no entry is left.
    """
    values = tuple(values)
    counted = [value for value in values if value is not None]
    if not counted:
        return Score(None, values, signature, missing=missing)
    found = interval(statistic, mean_rows(values), panel)
    return Score(fmean(counted), values, signature, found.low, found.high)


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """The mean without the None entries; None if no other is left."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _checked(metric: Metric, pairs: Sequence[Pair], rows_of: RowsOf) -> Array:
    """The metric's rows: finite, one for each pair. Raises DataError otherwise."""
    rows = np.asarray(rows_of(metric, pairs), dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(pairs) or not np.isfinite(rows).all():
        raise DataError(
            f"metric {metric.name}: rows of shape {rows.shape}, not all of them finite;"
            f" expected [{len(pairs)}, K] finite numbers. Mend its `rows`"
        )
    return rows


def _refuse_shape(metric: Metric, rows: Array) -> None:
    """Raises DataError unless `value` takes the last axis away, whatever is before it: numpy would
    broadcast another shape, to wrong values of each example."""
    for sums in (rows, rows[0].sum(axis=0)):
        shape = np.shape(metric.value(sums))
        if shape != sums.shape[:-1]:
            raise DataError(
                f"metric {metric.name}: `value` gave shape {shape} for sums of shape {sums.shape};"
                f" expected [..., K] → [...], {sums.shape[:-1]} here. Mend its `value`: take"
                " columns with sums[..., 0]"
            )


def _refuse_infinite(metric: Metric, score: Score, pairs: Sequence[Pair]) -> None:
    """Raises DataError for a value, or an end of its interval, that is no finite number."""
    each = zip((f"example {pair.example.id}" for pair in pairs), score.each, strict=True)
    ends = [("an end of the interval", end) for end in (score.low, score.high)]
    for where, value in [("all texts", score.value), *each, *ends]:
        if value is not None and not isfinite(value):
            raise DataError(
                f"metric {metric.name}: {value:g} for {where}; expected a finite number. Mend its"
                " `value`, or give an example without a value a row of zeros"
            )


def _refuse_outside(metric: Metric, score: Score, pairs: Sequence[Pair]) -> None:
    """Raises DataError for a value below 0 or above 100: its interval would be cut there.

    Of a mean, each example counts; of another metric only the whole value.
    """
    each = zip((f"example {pair.example.id}" for pair in pairs), score.each, strict=True)
    for where, value in each if metric.mean else [("all texts", score.value)]:
        if value is not None and not -ROUNDING <= value <= 100 + ROUNDING:
            raise DataError(
                f"metric {metric.name}: {value:g} for {where}; expected 0 to 100, which its unit"
                f" {metric.unit!r} means. Mend `score` or `rows`, or give `unit` another name"
            )
