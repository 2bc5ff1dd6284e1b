"""Numbers behind the views: one slice, a slope, a lift, an author's rank, a text's quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.metrics import is_mean, metric
from harness.metrics.drift import SLOPE
from harness.metrics.forced import slope_of, window_middles, windows_within
from harness.metrics.lift import APART
from harness.record import AuthorRank, ExampleValues, Gains, LiftPair, Record, SliceNll
from harness.reports.compared.measures import (
    Measure,
    Rows,
    is_apart,
    mean_of,
    measure_of,
    nll_row,
    slope_row,
)
from harness.statistics import PERCENT_MEAN, RATIO, Statistic

NllOf = Callable[[ExampleValues], SliceNll | None]


def own_nll(values: ExampleValues) -> SliceNll | None:
    """An example's NLL."""
    return values.likelihood


def relative_nll(values: ExampleValues) -> SliceNll | None:
    """The same, minus the base model's NLL."""
    own, base = values.likelihood, values.base_nll
    if own is None or own.nll is None or base is None:
        return None
    return replace(own, nll=tuple(nll - under for nll, under in zip(own.nll, base, strict=True)))


def nll_over_all(read: NllOf) -> Rows:
    """NLL of the whole references: nats over slice tokens."""
    return Rows(RATIO, lambda values: nll_row(read(values)))


def nll_at(index: int, read: NllOf = own_nll) -> Rows:
    """NLL of the references in slice `index`: nats over slice tokens."""

    def row(values: ExampleValues) -> Sequence[float] | None:
        own = read(values)
        if own is None or own.nll is None or not (tokens := own.slice_tokens[index]):
            return None
        return own.nll[index], tokens

    return Rows(RATIO, row)


def nll_slope(read: NllOf = own_nll) -> Rows:
    """Slope of NLL along the text."""
    return Rows(SLOPE, lambda values: slope_row(read(values)))


def continuation_at(name: str, index: int) -> Rows:
    """A metric of the continuations from the start of slice `index`.

    A metric that is not a mean over examples, such as BLEU, is computed from the windows' rows;
    records of schema 1 and 2 have none.
    """
    if is_mean(name):
        return mean_of(
            lambda values: values.forced[name][index] if name in values.forced else None,
            measure_of(name).statistic,
        )
    return Rows(
        metric(name).statistic,
        lambda values: values.forced_rows[name][index] if name in values.forced_rows else None,
    )


def continuation_slope(name: str, starts: Sequence[int]) -> Rows:
    """Slope of a metric over the middles of its windows, on texts with a window in every slice."""
    corpus = None if is_mean(name) else metric(name)

    def row(values: ExampleValues) -> Sequence[float] | None:
        own = values.likelihood
        cells: Sequence[Sequence[float] | None] = values.forced_rows.get(name, ())
        if corpus is None:
            cells = [None if each is None else (each,) for each in values.forced.get(name, ())]
        windows = [cell for cell in cells if cell is not None]
        if own is None or len(windows) < max(2, len(cells)) or not own.reaches_all():
            return None
        middles = window_middles(windows_within(sum(own.slice_tokens), starts), starts)
        columns = (part for column in zip(*windows, strict=True) for part in column)
        return [*columns, *[1.0] * len(windows), *map(float, middles)]

    return Rows(SLOPE if corpus is None else Statistic(slope_of(corpus, len(starts))), row)


OTHERS = {"random": "own − random other", "topic": "own − topic-matched other"}
LIFTS = {**OTHERS, "empty": "own − none"}
"""Whose profile replaces the user's: a random user's, a topic-matched user's, or none."""
NATS = "nats per slice token"


@dataclass(frozen=True)
class LiftView:
    """What lift is computed on; `name` is its field in `Lift` and in `ExampleLift`."""

    name: Literal["likelihood", "texts"]

    def of(self, record: Record) -> Mapping[str, Mapping[str, LiftPair]]:
        """Kind of donor → slice or metric → gains; empty if the record lacks the view.

        A metric that is no mean of its examples has null gains with the reason, in an old record
        too.
        """
        found: Mapping[str, Mapping[str, LiftPair]] = getattr(record.lift, self.name, None) or {}
        apart = {name for of in found.values() for name in of if is_apart(name, record)}
        return {
            kind: {name: _null(pair) if name in apart else pair for name, pair in of.items()}
            for kind, of in found.items()
        }

    def gains(self, values: ExampleValues) -> Gains:
        """The same of an example."""
        return getattr(values.lift, self.name, None) or {}


def _null(pair: LiftPair) -> LiftPair:
    other, empty = (
        replace(score, value=None, low=None, high=None, missing=APART)
        for score in (pair.own_other, pair.own_empty)
    )
    return LiftPair(own_other=other, own_empty=empty)


LIKELIHOOD, TEXTS = LiftView("likelihood"), LiftView("texts")


def lift_measure(view: LiftView, kind: str, name: str) -> Measure:
    """Gain of the user's own profile over another's, or over none.

    view: what it is computed on.
    kind: the replaced profile, a key of `LIFTS`.
    name: a slice or "all" for likelihood; a metric for texts.
    """

    rows = mean_of(lambda values: view.gains(values).get(kind, {}).get(name))
    of_likelihood = view is LIKELIHOOD
    what = "likelihood" if of_likelihood else measure_of(name).title
    return Measure(
        rows.statistic, rows.row, name=f"lift {view.name} {kind} {name}",
        title=f"lift on {what}, {LIFTS[kind]}", unit=NATS if of_likelihood else "points",
        digits=3 if of_likelihood else 2,
    )  # fmt: skip


@dataclass(frozen=True)
class Rank:
    """A score of author identification: fields of `Authors`, and of `ExampleAuthors`."""

    features: Literal["characters", "function_words"]
    score: Literal["top1", "mrr"]

    def recorded(self, record: Record) -> AuthorRank | None:
        return getattr(getattr(record.authors, self.features, None), self.score, None)

    @property
    def rows(self) -> Rows:
        return mean_of(self._of_text, PERCENT_MEAN)

    def _of_text(self, values: ExampleValues) -> float | None:
        return getattr(getattr(values.authors, self.features, None), self.score, None)


RANKS = (Rank("characters", "top1"), Rank("characters", "mrr"), Rank("function_words", "top1"),
         Rank("function_words", "mrr"))  # fmt: skip


def quality_of(name: str) -> Rows:
    """A measure of text quality that is a mean of shares, in %."""
    return mean_of(lambda values: values.quality.get(name), PERCENT_MEAN)
