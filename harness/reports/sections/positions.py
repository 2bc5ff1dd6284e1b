"""How quality changes along the text: in every view a curve per system, and slopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.record import Curve, Drift, Record
from harness.reports.compared.measures import DRIFT, Measure, Rows, brief
from harness.reports.compared.parts import (
    NllOf,
    continuation_at,
    continuation_slope,
    nll_at,
    nll_slope,
    own_nll,
    relative_nll,
)
from harness.reports.compared.pooled import Pooled, interval_words
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import Board, System, having, lacking
from harness.reports.sections.slice_curves import Curves, Slices, SliceView
from harness.reports.sections.system_columns import (
    METHOD,
    SystemColumn,
    of_systems,
    pooled,
    recorded,
    values,
)

Source = Callable[[Record], Curve | None]
"""Reads the curve of a view from a record."""
WORSE = {
    "higher": "a method gets worse where its curve falls",
    "lower": "a method gets worse where its curve rises",
}
"""Which end of a measure is better → how to read its curve."""


@dataclass(frozen=True, kw_only=True)
class DriftView(SliceView):
    """One way to look at drift.

    slope: a record's drift; None if it has none.
    sloped: the examples' values behind it; None if records do not hold them.
    column, slope_unit: its head in a table.
    """

    slope: Callable[[Record], Drift | None] = lambda record: None
    sloped: Rows | None = None
    column: str = ""
    slope_unit: str = "nats per 100 tokens"


def views_of(board: Board, main: str) -> list[DriftView]:
    """The views that any run of the board has, primary ones first."""
    first = board.records[0]
    forced = [name for one in board.records if one.forced for name in one.forced.metrics]
    found = [
        _nll_view("likelihood", "likelihood: NLL of the reference", own_nll,
                  lambda record: record.likelihood, "NLL"),
        _nll_view("relative", "likelihood relative to the base model", relative_nll,
                  lambda record: record.likelihood and record.likelihood.relative,
                  "NLL minus the base model's"),
        *(_continuation(one, first.slice_starts) for one in _shown(forced, main)),
        *(_whole_text(one) for one in _shown(first.slices, main)),
    ]  # fmt: skip
    return [view for view in found if any(map(view.slices, board.records))]


def _shown(names: Iterable[str], main: str) -> list[Measure]:
    """Of the brief metrics those that are means, so that slices have values; and the main one."""
    found = brief(dict.fromkeys(names), main)
    return [one for one in found if one.statistic.mean or one.name == main]


def _nll_view(name: str, title: str, read: NllOf, source: Source, column: str) -> DriftView:
    """A view of NLL: of `source` in a record, and of `read` in an example."""
    return DriftView(
        name=name,
        title=title,
        unit="nats per slice token",
        slices=_slices(source),
        each=partial(nll_at, read=read),
        reading=WORSE["lower"],
        slope=_drift(source),
        sloped=nll_slope(read),
        column=column,
    )


def _continuation(metric: Measure, starts: Sequence[int]) -> DriftView:
    """The view of a metric of the continuations."""

    def source(record: Record) -> Curve | None:
        return record.forced and record.forced.metrics.get(metric.name)

    return DriftView(
        name=f"forced_{metric.name}",
        title=f"continuation: {metric.title} of the next 100 tokens",
        unit=metric.unit,
        slices=_slices(source),
        each=partial(continuation_at, metric.name),
        reading=WORSE[metric.better],
        slope=_drift(source),
        sloped=continuation_slope(metric.name, starts),
        column=f"continuation: {metric.title}",
        slope_unit=f"{'%' if metric.unit.startswith('%') else 'points'} per 100 tokens",
    )


def _whole_text(metric: Measure) -> DriftView:
    """The view of a metric of the slices of the whole generated text."""
    return DriftView(
        name=f"free_{metric.name}",
        title=f"{metric.title} in the whole text",
        unit=metric.unit,
        slices=lambda record: record.slices.get(metric.name),
        reading=WORSE[metric.better],
        measure=metric,
    )


def _slices(source: Source) -> Callable[[Record], Slices | None]:
    return lambda record: (curve := source(record)) and curve.slices


def _drift(source: Source) -> Callable[[Record], Drift | None]:
    return lambda record: (curve := source(record)) and curve.drift


def drift_part(compared: Compared) -> Part:
    """A figure per view, a table of slopes and a table of the curves' points."""
    board = compared.board
    views = views_of(board, compared.main_name)
    if not views:
        return Part()
    curves = [(view, view.curves(board)) for view in views]
    bases = {one.backbone.name for one in board.records}
    relative = "each relative to its own base model" if len(bases) > 1 else ""
    pictures = tuple(
        view.picture(board, each, f"drift_{view.name}", relative if view.name == "relative" else "")
        for view, each in curves
    )
    slopes, points = _slopes(compared, views), _points(board, curves)
    return Part((), pictures, (slopes, points) if len(slopes.columns) > 1 else (points,))


def _slopes(compared: Compared, views: Sequence[DriftView]) -> Table:
    """Slopes of the views that have one, and the slope of NLL with its significance letters."""
    # 1. The views with a slope; NLL's own comes from the comparison.
    board, own = compared.board, compared.contrasts.get(DRIFT.name)
    sloped = [
        view
        for view in views
        if any(map(view.slope, board.records)) and not (own and view.name == "likelihood")
    ]
    columns: list[SystemColumn] = [
        (Column(view.column, view.slope_unit, "number", 3), partial(_slope, board, view))
        for view in sloped
    ]
    if own:
        head, read = values(own)
        columns = [(replace(head, title="NLL"), read), *columns]
    title = f"Slopes, {board.task}"
    table = of_systems(Table(f"drift_{board.task}", title), board.systems, columns)
    # 2. Notes: how to read the signs, what the intervals are over, what is left out.
    notes = ["Where a curve gets worse by rising (NLL), a slope above 0 says that the end of a text"
             " is worse than its beginning; where by falling, a slope below 0."]  # fmt: skip
    if own:
        notes[0] += " Significance letters as in the tables of scores."
    found = [value for row in table.rows for value in row]
    if any(isinstance(one, Pooled) and (one.seeds or one.null) for one in found):
        notes.append(f"Intervals without significance letters: over {interval_words(found)}.")
    left_out = {
        view.column.partition(":")[0]: lacking(board, having(board, view.slope)) for view in sloped
    }
    notes += [f"{column}: {who}." for column, who in left_out.items() if who]
    return replace(table, notes=tuple(notes))


def _slope(board: Board, view: DriftView, system: System) -> Pooled:
    """A system's slope over the seeds that have the view."""
    runs = tuple(run for run in system.runs if view.slope(run.record))
    return pooled(board, replace(system, runs=runs), view.slope, view.sloped)


def _points(board: Board, curves: Sequence[tuple[DriftView, Curves]]) -> Table:
    """The points of the curves, for plotting elsewhere."""
    rows = [
        (view.name.replace("_", " "), name, each.slice, point)
        for view, of_view in curves
        for name, points in of_view.items()
        for each, point in zip(
            view.slices(having(board, view.slices).systems[0].record) or (), points, strict=True
        )
    ]
    columns = (
        Column("view"), METHOD, Column("slice"), Column("value [95 %]", "", "number", 3),
    )  # fmt: skip
    table = Table(f"curves_{board.task}", f"Points of the curves, {board.task}", columns,
                  tuple(rows), folded=True)  # fmt: skip
    return table.with_faint(
        (view.name.replace("_", " "), floor.method, each.slice, recorded(each))
        for view, _ in curves
        if (floor := view.floor(board))
        for each in view.slices(floor) or ()
    )
