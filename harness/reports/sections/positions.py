"""How quality changes along the text: in every view a curve per system, and slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from harness.metrics import of_words, title_of, unit_of
from harness.record import Curve, Drift, Record, SliceEstimate
from harness.reports.compared.measures import DRIFT, WORDS, Measure
from harness.reports.compared.parts import (
    continuation_at,
    continuation_drift,
    nll_at,
    relative_at,
    relative_drift,
)
from harness.reports.compared.seeds import Pooled, interval_words, over_seeds
from harness.reports.render import plots
from harness.reports.render.document import Picture, Section
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import Board, having, lacking
from harness.reports.sections.columns import METHOD, cell_of, value_cell
from harness.reports.sections.headline import Results

Slices = Sequence[SliceEstimate]
Source = Callable[[Record], Curve | None]
"""Reads the curve of a view from a record."""


@dataclass(frozen=True)
class View:
    """One way to look at drift.

    slices, slope: a record's values by slice, and its drift; None if it has none.
    worse: whether the curve "rises" or "falls" as quality gets worse.
    each, sloped: the measures behind a slice (by its index) and the slope, so that several seeds
    can be resampled together; None if records do not hold the examples' values.
    column, slope_unit: head of the slope in a table.
    """

    name: str
    title: str
    unit: str
    slices: Callable[[Record], Slices | None]
    slope: Callable[[Record], Drift | None]
    worse: str = "falls"
    each: Callable[[int], Measure] | None = None
    sloped: Measure | None = None
    column: str = ""
    slope_unit: str = "nats per 100 tokens"

    @property
    def head(self) -> Column:
        return Column(self.column, self.slope_unit, "number", 3)


def views_of(board: Board, main: str) -> list[View]:
    """The views that any run of the board has, primary ones first."""
    records = [one for system in board.systems for one in system.records]
    record = records[0]
    forced = next((one.forced.metrics for one in records if one.forced), {})
    order = [*([main] if of_words(main) else []), *WORDS[1::-1]]
    scored = next((name for name in (*order, *filter(of_words, forced)) if name in forced), None)
    free = next((name for name in order if name in record.slices), None)
    others = [name for name in record.metrics if not of_words(name)]
    starts = record.slice_starts
    found = [
        View("likelihood", "likelihood: NLL of the reference", "nats per slice token",
             *_curve(lambda one: one.likelihood), "rises", nll_at, None, "NLL"),
        View("relative", "likelihood relative to the base model", "nats per slice token",
             *_curve(lambda one: one.likelihood and one.likelihood.relative),
             "rises", relative_at, relative_drift(),
             "NLL minus the base model's"),
    ]  # fmt: skip
    found += [_continuation("forced", scored, starts)] if scored else []
    found += [_continuation(f"forced_{name}", name, starts) for name in others]
    found += [_free(name, name, f"{title_of(name)} in the whole text") for name in others]
    if free:
        found.append(_free("free", free, f"whole text: {title_of(free)} (descriptive)"))
    return [view for view in found if any(view.slices(one) for one in records)]


def _continuation(view: str, name: str, starts: Sequence[int]) -> View:
    """The view of a metric of the continuations."""
    title, unit = title_of(name), unit_of(name)
    per = "points" if of_words(name) else unit.partition(" ")[0]
    return View(
        view,
        f"continuation: {title} of the next 100 tokens",
        unit,
        *_curve(lambda one: one.forced and one.forced.metrics.get(name)),
        "falls",
        partial(continuation_at, name),
        continuation_drift(name, starts),
        f"continuation: {title}",
        f"{per} per 100 tokens",
    )


def _free(view: str, name: str, title: str) -> View:
    """The view of a metric of the slices of the whole generated text."""
    return View(view, title, unit_of(name), lambda one: one.slices.get(name), _nothing)


def drift_section(boards: Sequence[Board], results: Results, main: str) -> Section:
    """For each task, a figure per view, a table of slopes and a table of the curves' points."""
    pictures, tables = [], []
    for board in boards:
        views = views_of(board, main)
        if not views:
            continue
        curves = [(view, curves_of(board, view)) for view in views]
        pictures += [_picture(board, *each) for each in curves]
        table = _slopes(board, views, results)
        tables += [table] if table.columns != (METHOD,) else []
        tables.append(_numbers(board, curves))
    if not pictures:
        return Section("drift", "Drift along the text")
    text = (
        "Does quality fall as the text goes on? Two views answer this: the likelihood of the"
        " reference, and continuation (the reference is given up to a position; the next 100"
        " tokens are generated and scored). Slices of the whole generated text depend on how it"
        " happens to align with the reference, so they are only descriptive. Slopes use the texts"
        " that reach every slice.",
    )
    return Section("drift", "Drift along the text", text, tuple(tables), tuple(pictures))


Curves = Mapping[str, list[Pooled]]
"""System → its value in each slice, over its seeds."""


def curves_of(board: Board, view: View) -> Curves:
    """The curve of every system that has the view, over the seeds that have it."""
    found = {}
    for system in having(board, view.slices).systems:
        rows = [list(view.slices(record) or ()) for record in system.records]
        found[system.name] = [
            over_seeds(board, system, same, view.each(index) if view.each else None)
            for index, same in enumerate(zip(*rows, strict=True))
        ]
    return found


def _picture(board: Board, view: View, curves: Curves) -> Picture:
    looks = plots.looks(system.name for system in board.systems)
    drawing, (axes,) = plots.figure(height=3.3)
    ends = plots.curves(axes, curves, looks)
    part = having(board, view.slices)
    names = [
        each.slice.replace("-", "–")
        + (f"\nn = {each.examples}" if each.examples is not None else "")
        for each in _slices(part, view)
    ]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel(view.unit)
    plots.title(axes, view.title, board.task)
    over = interval_words(row for rows in curves.values() for row in rows)
    note = lacking(board, part)
    if view.name == "relative" and len({one.record.backbone.name for one in part.systems}) > 1:
        note = f"each relative to its own base model{'; ' if note else ''}{note}"
    plots.caption(drawing, f"{view.unit}; bars and bands: 95 % intervals over {over}; a method gets"
                  f" worse where its curve {view.worse}{'; ' if note else ''}{note}")  # fmt: skip
    plots.label_ends(axes, ends)
    alt = f"{view.title} on {board.task} by position: " + "; ".join(
        f"{name} ends at {value:.2f}" for _, value, name, _ in ends
    )
    return Picture(f"drift_{view.name}_{board.task}", view.title, drawing, alt)


def _slopes(board: Board, views: Sequence[View], results: Results) -> Table:
    """Slopes of the views that have one, and the slope of NLL with its significance letters."""
    # 1. The views with a slope; NLL's own comes from the comparison.
    compared = results[board.task].get("nll_drift")
    sloped = [
        view
        for view in views
        if any(view.slope(record) for system in board.systems for record in system.records)
        and not (compared and view.name == "likelihood")
    ]
    parts = {view.name: having(board, view.slope) for view in sloped}
    # 2. One row per system.
    rows, estimates = list[tuple[Value, ...]](), []
    for system in board.systems:
        slopes = [_slope(parts[view.name], view, system.name) for view in sloped]
        letters_cell = [value_cell(compared, system.name)] if compared else []
        rows.append((system.name, *letters_cell, *map(cell_of, slopes)))
        estimates += slopes
    own = [Column("NLL", DRIFT.unit, "number", DRIFT.digits, "lower")] if compared else []
    columns = (METHOD, *own, *(view.head for view in sloped))
    # 3. Notes: how to read the signs, what the intervals are over, what is left out.
    notes = ["NLL: above 0, the end of a text is harder to predict than its beginning."]
    if any(view.worse == "falls" for view in sloped):
        notes[0] += " Continuation: below 0, the end is worse than the beginning."
    if compared:
        notes[0] += " Significance letters as in the tables of scores."
    if any(one.seeds for one in estimates):
        notes.append(f"Intervals without significance letters: over {interval_words(estimates)}.")
    left_out = {view.column.partition(":")[0]: lacking(board, parts[view.name]) for view in sloped}
    notes += [f"{column}: {who}." for column, who in left_out.items() if who]
    title = f"Slopes, {board.task}"
    return Table(f"drift_{board.task}", title, columns, tuple(rows), tuple(notes))


def _slices(part: Board, view: View) -> Slices:
    """The slices of a view, with the names and counts of the first run that has it."""
    return view.slices(part.systems[0].record) or ()


def _slope(part: Board, view: View, name: str) -> Pooled:
    """A system's slope over the seeds that have one; without a value if none has."""
    system = next((one for one in part.systems if one.name == name), None)
    if system is None:
        return Pooled(value=None)
    found = [slope for one in system.records if (slope := view.slope(one)) is not None]
    return over_seeds(part, system, found, view.sloped)


def _numbers(board: Board, curves: Sequence[tuple[View, Curves]]) -> Table:
    """The points of the curves, for plotting elsewhere."""
    rows = [
        (view.name.replace("_", " "), name, each.slice, cell_of(point))
        for view, of_view in curves
        for name, points in of_view.items()
        for each, point in zip(_slices(having(board, view.slices), view), points, strict=True)
    ]
    columns = (
        Column("view"), METHOD, Column("slice"), Column("value [95 %]", "", "number", 3),
    )  # fmt: skip
    return Table(f"curves_{board.task}", f"Points of the curves, {board.task}", columns,
                 tuple(rows), folded=True)  # fmt: skip


def _nothing(record: Record) -> None:
    return None


def _curve(
    source: Source,
) -> tuple[Callable[[Record], Slices | None], Callable[[Record], Drift | None]]:
    """Functions that read a curve's slices and drift from a record; None if it lacks the curve."""

    def slices(record: Record) -> Slices | None:
        curve = source(record)
        return None if curve is None else curve.slices

    def slope(record: Record) -> Drift | None:
        curve = source(record)
        return None if curve is None else curve.drift

    return slices, slope
