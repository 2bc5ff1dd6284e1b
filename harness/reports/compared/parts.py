"""Measures behind the views: one slice, a slope, author identification, a lift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.metrics import is_mean, metric
from harness.metrics.drift import SLOPE
from harness.metrics.forced import slope_of, window_middles, windows_within
from harness.record import ExampleAuthors, ExampleLift, ExampleValues, Gains, SliceNll
from harness.reports.compared.measures import Measure, drift_row
from harness.statistics import MEAN, PERCENT_MEAN, RATIO, Statistic


def nll_at(index: int) -> Measure:
    """NLL of the references in slice `index`: nats over slice tokens."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        own = values.likelihood
        return (
            (own.nll[index], own.slice_tokens[index]) if own and own.slice_tokens[index] else None
        )

    return Measure(f"nll {index}", "NLL", "nats per slice token", RATIO, row)


def relative_at(index: int) -> Measure:
    """The same, minus the base model's NLL."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        relative = _relative(values)
        return (
            (relative.nll[index], relative.slice_tokens[index])
            if relative and relative.slice_tokens[index]
            else None
        )

    return Measure(f"relative {index}", "NLL", "nats per slice token", RATIO, row)


def relative_drift() -> Measure:
    """Slope of NLL minus the base model's."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        return drift_row(replace(values, likelihood=_relative(values)))

    return Measure("relative drift", "drift", "nats per 100 tokens", SLOPE, row)


def _relative(values: ExampleValues) -> SliceNll | None:
    own, base = values.likelihood, values.base_nll
    if own is None or base is None:
        return None
    return replace(
        own, nll=tuple(nll - of_base for nll, of_base in zip(own.nll, base, strict=True))
    )


def continuation_at(name: str, index: int) -> Measure:
    """A metric of the continuations from the start of slice `index`.

    A metric that is not a mean over examples, such as BLEU, is computed from the windows' rows;
    records of schema 1 and 2 have none.
    """
    own = None if is_mean(name) else metric(name)

    def row(values: ExampleValues) -> Sequence[float] | None:
        if own is not None:
            return values.forced_rows[name][index] if name in values.forced_rows else None
        value = values.forced[name][index] if name in values.forced else None
        return None if value is None else (value, 1.0)

    statistic = PERCENT_MEAN if own is None else own.statistic
    return Measure(f"forced {name} {index}", name, "0–100", statistic, row)


def continuation_drift(name: str, starts: Sequence[int]) -> Measure:
    """Slope of a metric over the middles of its windows, on texts with a window in every slice."""

    corpus = None if is_mean(name) else metric(name)

    def row(values: ExampleValues) -> Sequence[float] | None:
        own = values.likelihood
        if corpus is None:
            cells = [None if each is None else (each,) for each in values.forced.get(name, ())]
        else:
            cells = list(values.forced_rows.get(name, ()))
        windows = [cell for cell in cells if cell is not None]
        if own is None or len(windows) < max(2, len(cells)) or not own.reaches_all():
            return None
        middles = window_middles(windows_within(sum(own.slice_tokens), starts), starts)
        columns = (part for column in zip(*windows, strict=True) for part in column)
        return [*columns, *[1.0] * len(windows), *map(float, middles)]

    statistic = SLOPE if corpus is None else Statistic(slope_of(corpus, len(starts)))
    return Measure(f"forced {name} drift", name, "points per 100 tokens", statistic, row)


def author_measure(name: str, rank: Callable[[ExampleAuthors], float]) -> Measure:
    """One score of author identification."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        return None if values.authors is None else (rank(values.authors), 1.0)

    return Measure(f"authors {name}", name, "%", PERCENT_MEAN, row)


def lift_measure(
    view: str,
    gains: Callable[[ExampleLift], Gains | None],
    kind: str,
    name: str,
    title: str,
    unit: str = "points",
    digits: int = 2,
) -> Measure:
    """Gain of the user's own profile over another's, or over none.

    view: "likelihood" or "texts".
    gains: an example's gains in that view.
    kind: the replaced profile, "random" or "topic" for another user's, "empty" for none.
    name: a slice or "all" for likelihood; a metric for texts.
    title, unit, digits: as in `Measure`.
    """

    def row(values: ExampleValues) -> Sequence[float] | None:
        found = gains(values.lift) if values.lift else None
        gain = (found or {}).get(kind, {}).get(name)
        return None if gain is None else (gain, 1.0)

    named = f"lift {view} {kind} {name}"
    return Measure(named, title, unit, MEAN, row, digits=digits)
