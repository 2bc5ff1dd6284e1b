"""How quality changes along the text: one curve a system in every view, and the slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from harness.metrics import of_words, title_of, unit_of
from harness.record import Curve, Drift, Record, SliceEstimate
from harness.reports.compared.measures import DRIFT, WORDS, Measure
from harness.reports.compared.parts import (
    forced_at,
    forced_drift,
    nll_at,
    relative_at,
    relative_drift,
)
from harness.reports.compared.seeds import Pooled, interval_words, over_seeds
from harness.reports.render import style
from harness.reports.render.document import Picture, Section
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import Board, having, lacking
from harness.reports.sections.columns import METHOD, cell_of, value_cell
from harness.reports.sections.headline import Found

Slices = Sequence[SliceEstimate]
Source = Callable[[Record], Curve | None]
"""Where a record has the number of a view, by slice and with its drift."""


@dataclass(frozen=True)
class View:
    """One way to look at drift. slices: a record's rows by slice; slope: its drift, or None.

    each, sloped: what of the examples a slice (by its place) and the slope are made of, for
    several seeds to be resampled together; None where records do not keep it. `column` and
    `slope_unit` head the slope in a table.
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
    """The views that some run of the board has, primary ones first."""
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
        View("relative", "likelihood beside the untrained backbone", "nats per slice token",
             *_curve(lambda one: one.likelihood and one.likelihood.relative),
             "rises", relative_at, relative_drift(),
             "NLL minus the untrained backbone's"),
    ]  # fmt: skip
    found += [_continued("forced", scored, starts)] if scored else []
    found += [_continued(f"forced_{name}", name, starts) for name in others]
    found += [_free(name, name, f"{title_of(name)} in the free text") for name in others]
    if free:
        found.append(_free("free", free, f"free text: {title_of(free)} (descriptive)"))
    return [view for view in found if any(view.slices(one) for one in records)]


def _continued(view: str, name: str, starts: Sequence[int]) -> View:
    """A metric of the continuations."""
    title, unit = title_of(name), unit_of(name)
    per = "points" if of_words(name) else unit.partition(" ")[0]
    return View(
        view,
        f"forced: {title} in the next 100 tokens",
        unit,
        *_curve(lambda one: one.forced and one.forced.metrics.get(name)),
        "falls",
        partial(forced_at, name),
        forced_drift(name, starts),
        f"forced: {title}",
        f"{per} per 100 tokens",
    )


def _free(view: str, name: str, title: str) -> View:
    """A metric of the slices of the free text."""
    return View(view, title, unit_of(name), lambda one: one.slices.get(name), _nothing)


def drift_section(boards: Sequence[Board], found: Found, main: str) -> Section:
    """A picture and a table of slopes for each task."""
    pictures, tables = [], []
    for board in boards:
        views = views_of(board, main)
        if not views:
            continue
        curves = [(view, curves_of(board, view)) for view in views]
        pictures += [_picture(board, *each) for each in curves]
        table = _slopes(board, views, found)
        tables += [table] if table.columns != (METHOD,) else []
        tables.append(_numbers(board, curves))
    if not pictures:
        return Section("drift", "Drift along the text")
    text = (
        "Does quality fall as the text goes on? Two views answer it: the likelihood of the"
        " reference, and forced writing (the reference is given up to a place, the next 100 tokens"
        " are written and scored). Slices of the free text depend on how it happens to line up with"
        " the reference and only describe. A slope stands on the texts that reach every slice.",
    )
    return Section("drift", "Drift along the text", text, tuple(tables), tuple(pictures))


Curves = Mapping[str, list[Pooled]]
"""System → its number in each slice, over its seeds."""


def curves_of(board: Board, view: View) -> Curves:
    """The curve of every system that has the view, over those of its seeds that have it."""
    found = {}
    for system in having(board, view.slices).systems:
        rows = [list(view.slices(record) or ()) for record in system.records]
        found[system.name] = [
            over_seeds(board, system, same, view.each(at) if view.each else None)
            for at, same in enumerate(zip(*rows, strict=True))
        ]
    return found


def _picture(board: Board, view: View, curves: Curves) -> Picture:
    looks = style.looks(system.name for system in board.systems)
    drawing, (axes,) = style.figure(height=3.3)
    ends = style.curves(axes, curves, looks)
    part = having(board, view.slices)
    names = [
        each.slice.replace("-", "–")
        + (f"\nn = {each.examples}" if each.examples is not None else "")
        for each in _slices(part, view)
    ]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("tokens of the reference")
    axes.set_ylabel(view.unit)
    style.title(axes, view.title, board.task)
    over = interval_words(row for rows in curves.values() for row in rows)
    told = lacking(board, part)
    if view.name == "relative" and len({one.record.backbone.name for one in part.systems}) > 1:
        told = f"each beside its own backbone{'; ' if told else ''}{told}"
    style.caption(drawing, f"{view.unit}; bars and bands: 95 % intervals over {over}; a method gets"
                  f" worse where its curve {view.worse}{'; ' if told else ''}{told}")  # fmt: skip
    style.label_ends(axes, ends)
    alt = f"{view.title} on {board.task} by position: " + "; ".join(
        f"{name} ends at {value:.2f}" for _, value, name, _ in ends
    )
    return Picture(f"drift_{view.name}_{board.task}", view.title, drawing, alt)


def _slopes(board: Board, views: Sequence[View], found: Found) -> Table:
    """Slopes of the views that have one, and the compared slope of NLL with its letters."""
    compared = found[board.task].get("nll_drift")
    sloped = [
        view
        for view in views
        if any(view.slope(record) for system in board.systems for record in system.records)
        and not (compared and view.name == "likelihood")
    ]
    parts = {view.name: having(board, view.slope) for view in sloped}
    rows, estimates = list[tuple[Value, ...]](), []
    for system in board.systems:
        slopes = [_slope(parts[view.name], view, system.name) for view in sloped]
        judged = [value_cell(compared, system.name)] if compared else []
        rows.append((system.name, *judged, *map(cell_of, slopes)))
        estimates += slopes
    own = [Column("NLL", DRIFT.unit, "number", DRIFT.digits, "lower")] if compared else []
    columns = (METHOD, *own, *(view.head for view in sloped))
    notes = ["NLL: above 0 the end of a text is harder than its beginning."]
    if any(view.worse == "falls" for view in sloped):
        notes[0] += " Forced: below 0 the end is worse than the beginning."
    if compared:
        notes[0] += " Letters as in the tables of scores."
    if any(one.seeds for one in estimates):
        notes.append(f"Intervals without letters: over {interval_words(estimates)}.")
    told = {view.column.partition(":")[0]: lacking(board, parts[view.name]) for view in sloped}
    notes += [f"{column}: {who}." for column, who in told.items() if who]
    title = f"Slopes, {board.task}"
    return Table(f"drift_{board.task}", title, columns, tuple(rows), tuple(notes))


def _slices(part: Board, view: View) -> Slices:
    """The slices of a view, as the first run that has it names and counts them."""
    return view.slices(part.systems[0].record) or ()


def _slope(part: Board, view: View, name: str) -> Pooled:
    """A system's slope over those of its seeds that have one; without a value where none has."""
    system = next((one for one in part.systems if one.name == name), None)
    if system is None:
        return Pooled(value=None)
    found = [slope for one in system.records if (slope := view.slope(one)) is not None]
    return over_seeds(part, system, found, view.sloped)


def _numbers(board: Board, curves: Sequence[tuple[View, Curves]]) -> Table:
    """The points of the curves, for whoever wants to plot them anew."""
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
    """Slices and drift of a curve, where a record has it."""

    def slices(record: Record) -> Slices | None:
        curve = source(record)
        return None if curve is None else curve.slices

    def slope(record: Record) -> Drift | None:
        curve = source(record)
        return None if curve is None else curve.drift

    return slices, slope
