"""The figure of quality against training time and time per text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import estimate
from harness.reports.render.plots.labels import legend, short
from harness.reports.render.plots.looks import Look, looks_of
from harness.reports.render.plots.panels import (
    Mark,
    faint,
    new_figure,
    point,
    set_caption,
    set_title,
)
from harness.reports.render.section import Picture, listed
from harness.reports.render.table import Cell
from harness.reports.runs.recorded_floors import best_floor, best_words
from harness.reports.runs.system_costs import (
    Cost,
    mean_cost,
    shared_machine,
    text_s,
    times_not_comparable,
    training_s,
)
from harness.reports.runs.systems import Board
from harness.reports.sections.system_columns import (
    value_cell,
)

UNITS = ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def quality_time_picture(compared: Compared) -> Picture:
    """Two panels: quality against training time, and against time per text."""
    board, measure = compared.board, compared.main.measure
    alt = "; ".join(
        f"{name} {estimate(one, measure.digits)}" for name, one in compared.main.values.items()
    )
    title, absent = f"{measure.title} against time", _without_times(board)
    return Picture(
        f"quality_time_{board.task}",
        f"{title}, {board.task}",
        partial(_draw, compared),
        f"{title} on {board.task}: {alt}{f'; {absent}' if absent else ''}",
    )


def _draw(compared: Compared) -> Figure:
    board, measure = compared.board, compared.main.measure
    looks = looks_of(system.name for system in board.systems)
    timed = times_not_comparable(board) is None
    costs = _shown(board)
    drawing, panels = new_figure(max(len(costs), 1), 3.1)
    for axes, (cost, what) in zip(panels, costs, strict=False):
        points = _cost_panel(axes, compared, looks, cost, what)
        if axes is panels[0]:
            legend(axes, points)
    if not costs:
        _without_time(panels[0], compared, looks)
    set_title(panels[0], f"{measure.title}, {board.task}")
    floor = _draw_floor(panels, compared)
    whiskers = f"{'vertical ' if timed else ''}whiskers: 95 % intervals over {board.counted}"
    if timed and max(len(system.runs) for system in board.systems) > 1:
        whiskers += "; horizontal ones: from the fastest to the slowest seed"
    whiskers += f"; dotted: {floor}" if floor else ""
    absent = _without_times(board)
    whiskers += f"; {absent}" if absent else ""
    whiskers += (
        f"; {shared_machine(board)}"
        if timed
        else ("; no time axis, because times are not comparable")
    )
    set_caption(drawing, f"{measure.title} in {measure.unit}, {measure.direction}; {whiskers}")
    return drawing


def _shown(board: Board) -> list[tuple[Cost, str]]:
    """The costs with a panel and their names; none if times do not compare.

    Where nothing was trained, training time is no axis.
    """
    if times_not_comparable(board):
        return []
    trained = any(one.high for one in _known(board, training_s).values())
    return [*([(training_s, "training time")] if trained else []), (text_s, "time per text")]


def _without_times(board: Board) -> str:
    """Which systems a panel cannot show, as `not drawn without time per text: mine`."""
    absent: dict[str, list[str]] = {}
    for cost, what in _shown(board):
        known = _known(board, cost)
        if names := ", ".join(one.name for one in board.systems if one.name not in known):
            absent.setdefault(names, []).append(what)
    return "; ".join(
        f"not drawn without {listed(whats)}: {names}" for names, whats in absent.items()
    )


def _known(board: Board, cost: Cost) -> dict[str, Cell]:
    """The cost of every system that has it for each seed: mean, least and most."""
    return {
        system.name: Cell(mean_cost(system, cost), min(found), max(found))
        for system in board.systems
        if (found := [spent for record in system.records if (spent := cost(record)) is not None])
        and len(found) == len(system.runs)
    }


def _draw_floor(panels: Sequence[Axes], compared: Compared) -> str:
    """Draw the best floor as a level where quality is on the vertical axis; returns its words."""
    floor = best_floor(compared.board.floors, compared.main_name)
    if floor is None or times_not_comparable(compared.board):
        return ""
    for axes in panels:
        faint(axes, [floor.metrics[compared.main_name].value])
    return best_words(floor)


def _cost_panel(
    axes: Axes, compared: Compared, looks: Mapping[str, Look], cost: Cost, what: str
) -> list[Mark]:
    """Draw the measure against a cost, in seconds, minutes or hours.

    axes: the panel.
    compared: the systems and their values.
    looks: system → look.
    cost, what: the cost and its name.

    Returns the points, for the legend.
    """
    known = _known(compared.board, cost)
    most = max((one.high or 0.0 for one in known.values()), default=0.0)
    scale, unit = next((size, name) for size, name in UNITS if most >= 2 * size or size == 1)
    points = []
    for name, one in known.items():
        x, low, high = ((end or 0.0) / scale for end in (one.value, one.low, one.high))
        y = value_cell(compared.main, name)
        if y.value is not None:
            point(axes, Cell(x, low, high), y, looks[name])
            points.append((x, y.value, looks[name]))
    measure = compared.main.measure
    axes.set_xlabel(f"{what} ({unit})")
    axes.set_ylabel(f"{measure.title}\n({measure.unit})", parse_math=False)
    axes.margins(x=0.12, y=0.08)
    return points


def _without_time(axes: Axes, compared: Compared, looks: Mapping[str, Look]) -> None:
    """One row per system, without a time axis, because machines differ."""
    names = [system.name for system in reversed(compared.board.systems)]
    measure = compared.main.measure
    for row, name in enumerate(names):
        number = value_cell(compared.main, name)
        if number.value is not None:
            point(axes, number, Cell(row), looks[name])
    axes.set_yticks(range(len(names)), list(map(short, names)), parse_math=False)
    axes.set_xlabel(f"{measure.title} ({measure.unit})", parse_math=False)
    axes.margins(y=0.15)
