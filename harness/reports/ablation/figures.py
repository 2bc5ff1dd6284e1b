"""Figures of an ablation: curves over one setting, a heat map over two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import sqrt

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.reports.ablation.values import Ablation, Cell, reasoner_parameters
from harness.reports.claims.selection import selected
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import NLL
from harness.reports.render.numbers import estimate, figure
from harness.reports.render.plots.labels import label_ends, short
from harness.reports.render.plots.looks import FAINT, GRID, INK, PAPER, looks_of
from harness.reports.render.plots.panels import faint, line, new_figure, set_caption, set_title
from harness.reports.render.section import Picture
from harness.reports.render.table import Cell as Number
from harness.reports.runs.recorded_floors import best_floor, best_words
from harness.reports.runs.system_costs import shared_machine, times_not_comparable
from harness.reports.runs.systems import System
from harness.reports.sections.system_columns import value_cell
from harness.statistics import Array

HEAT = "cividis"
"""Rising in lightness, so that print and colour-blind readers see the same order."""
DARK, LIGHT = "#000000", PAPER
"""Ink on the map's colours, which are the same on a dark page."""
ARROWS = {"better": " ▲", "worse": " ▼"}
"""Marks a value that is significantly better or worse than the reference."""
AXIS_TITLES = {
    "method.lam": "λ, the weight of a thought",
    "model.reasoner": "parameters of the reasoner",
    "retrieval.k": "profile entries in the prompt",
}
"""Setting → title of its axis; other settings have their name."""


@dataclass(frozen=True)
class Positions:
    """Positions of values on the x axis: label of a cell → x.

    By size (millions of parameters, logarithmic) if the values are reasoners of known, different
    sizes; a value without a size then has no position. Otherwise evenly spaced in the order given.
    """

    x: Mapping[str, float]
    by_size: bool

    def right_of(self, x: float, steps: float) -> float:
        """`steps` of a value's width to the right of x."""
        return x * 10 ** (0.2 * steps) if self.by_size else x + steps


def positions_of(found: Ablation) -> Positions:
    """See `Positions`."""
    sizes = {cell.label: reasoner_parameters(cell) for cell in found.cells}
    known = {label: size / 1e6 for label, size in sizes.items() if size}
    lacking = [cell for cell in found.cells if cell.system and cell.label not in known]
    distinct = len(set(known.values())) == len(known) > 1
    if found.axes[0].key == "model.reasoner" and distinct and not lacking:
        return Positions(dict(sorted(known.items(), key=lambda each: each[1])), True)
    return Positions({cell.label: float(at) for at, cell in enumerate(found.cells)}, False)


def pictures(found: Ablation) -> tuple[Picture, ...]:
    """Curves of the main measure and NLL; for two settings, a heat map of the main measure."""
    if len(found.axes) == 2:
        return (_picture(found, partial(_heat_map, found), found.main),)
    shown = dict.fromkeys([found.main.measure.name, NLL.name])
    contrasts = found.compared.contrasts
    return tuple(
        _picture(found, partial(_curves, found, contrasts[name]), contrasts[name])
        for name in shown
        if name in contrasts
    )


def _curves(found: Ablation, contrasts: Contrasts) -> Figure:
    measure, at = contrasts.measure, positions_of(found)
    drawing, (axes,) = new_figure()
    # 1. Both curves.
    looks = looks_of(filter(None, (found.method, found.reference)))
    by_label = {cell.label: cell for cell in found.cells}
    shown, x = [by_label[label] for label in at.x], list(at.x.values())
    systems = [[cell.system for cell in shown], [cell.reference for cell in shown]]
    ends = [
        end
        for look, of_look in zip(looks.values(), systems, strict=False)
        for end in line(axes, x, [_number(contrasts, one) for one in of_look], look)
    ]
    # 2. Axes.
    if at.by_size:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(x, [_tick(cell, at) for cell in shown], parse_math=False)
    axes.set_xlim(at.right_of(x[0], -0.5), at.right_of(x[-1], 0.5))
    title = AXIS_TITLES.get(found.axes[0].key, found.axes[0].name)
    axes.set_xlabel(title + (", millions (logarithmic)" if at.by_size else ""))
    lower = ", lower is better" if measure.lower_is_better else ""
    axes.set_ylabel(f"{measure.title}\n({measure.unit}{lower})", parse_math=False)
    # 3. The best floor, failed values, and what the paper claims.
    floor = best_floor(found.board.floors, measure.name)
    if floor:
        faint(axes, [floor.metrics[measure.name].value])
    _mark_failed(axes, found, at)
    shaded = contrasts is found.main and _shade_claims(axes, found, at)
    # 4. Title, caption and names.
    set_title(axes, f"{measure.title}: {found.method} over {found.axes[0].name}", found.board.task)
    words = [_caption(found, contrasts), "" if at.by_size else "values evenly spaced",
             f"dotted: {best_words(floor)}" if floor else "",
             "grey: what the paper claims" if shaded else ""]  # fmt: skip
    set_caption(drawing, "; ".join(filter(None, words)))
    label_ends(axes, ends)
    return drawing


def _number(contrasts: Contrasts, system: System | None) -> Number:
    return value_cell(contrasts, system.name) if system else Number()


def _mark_failed(axes: Axes, found: Ablation, at: Positions) -> None:
    for cell in found.cells:
        if cell.system is None and cell.label in at.x:
            axes.annotate(
                "× failed", (at.x[cell.label], 0.03), xycoords=("data", "axes fraction"),
                ha="center", fontsize=9, color=INK,
            )  # fmt: skip
    elsewhere = [cell.tried.values[0] for cell in found.cells if cell.label not in at.x]
    if elsewhere:
        axes.annotate(f"× failed: {', '.join(elsewhere)}", (0.02, 0.03), xycoords="axes fraction",
                      fontsize=9, color=INK, parse_math=False)  # fmt: skip


def _tick(cell: Cell, at: Positions) -> str:
    """A value's tick label; for reasoners, the size above the name."""
    name = short(cell.tried.values[0].rstrip("/").rpartition("/")[2], 14)
    return f"{figure(at.x[cell.label], 2)}\n{name}" if at.by_size else name


def _shade_claims(axes: Axes, found: Ablation, at: Positions) -> bool:
    """Shade the range of values of each claim; returns whether there is any."""
    shaded = False
    systems = {cell.system.name: cell.label for cell in found.cells if cell.system}
    for claim in (one.claim for _, each in found.claims for one in each):
        names = [system.name for system in selected(found.board, claim.first)]
        covered = sorted(at.x[systems[one]] for one in names if systems.get(one) in at.x)
        if not covered or not claim.short:
            continue
        shaded, first, last = True, covered[0], covered[-1]
        middle = sqrt(first * last) if at.by_size else (first + last) / 2
        axes.axvspan(at.right_of(first, -0.42), at.right_of(last, 0.42), color=GRID,
                     alpha=0.45, linewidth=0, zorder=0)  # fmt: skip
        axes.annotate(
            f"paper:\n{claim.short}", (middle, 0.98),
            xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=8.5,
            color=FAINT,
        )  # fmt: skip
    if shaded:
        axes.margins(y=0.3)
    return shaded


def _heat_map(found: Ablation) -> Figure:
    # 1. The grid of values.
    down, across = found.axes
    measure, by_values = found.main.measure, {cell.tried.values: cell for cell in found.cells}
    rows = [[by_values[first, second] for second in across.values] for first in down.values]
    numbers = [[_number(found.main, cell.system).value for cell in row] for row in rows]
    grid = np.ma.masked_invalid(np.array(numbers, dtype=np.float64))
    drawing, (axes,) = new_figure(height=max(2.6, 0.62 * len(rows) + 1.5))
    shade = matplotlib.colormaps[HEAT + ("_r" if measure.lower_is_better else "")]
    image = axes.imshow(grid, cmap=shade, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(across.values)), across.values, parse_math=False)
    axes.set_yticks(range(len(down.values)), down.values, parse_math=False)
    axes.set_xlabel(AXIS_TITLES.get(across.key, across.name))
    axes.set_ylabel(AXIS_TITLES.get(down.key, down.name))
    # 2. Each cell's value and interval, in readable ink.
    for (y, x), value in np.ndenumerate(np.ma.filled(grid, np.nan)):
        ink = INK
        if np.isnan(value):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////",
                                     edgecolor=GRID, linewidth=0))  # fmt: skip
        else:
            ink = DARK if _light(np.ravel(shade(image.norm(np.array([value]))))) else LIGHT
        axes.text(x, y, _inside(found, rows[y][x]), ha="center", va="center",
                  fontsize=8.5 if len(across.values) < 5 else 7.5, color=ink)  # fmt: skip
    # 3. Colour bar, title and caption.
    bar = drawing.colorbar(image, ax=axes)
    bar.set_label(f"{measure.title} ({measure.unit})", color=INK)
    bar.ax.tick_params(labelsize=9, color=INK, labelcolor=INK)
    bar.outline.set_visible(False)
    set_title(axes, f"{found.method} over {down.name} and {across.name}, {found.board.task}")
    references = dict.fromkeys(found.references.values())
    words = [_caption(found, found.main)]
    words += [f"{one}: {estimate(found.main.values[one], measure.digits)}" for one in references]
    if floor := best_floor(found.board.floors, measure.name):
        number = estimate(floor.metrics[measure.name], measure.digits)
        words.append(f"{best_words(floor)}: {number}")
    words.append("below each value its interval, with all digits in the table")
    if found.reference:
        words.append(f"▲ significantly better than {found.reference}, ▼ significantly worse")
    set_caption(drawing, "; ".join(words))
    return drawing


def _inside(found: Ablation, cell: Cell) -> str:
    """A value above its interval, which has one digit less, for a narrow cell."""
    one, digits = _number(found.main, cell.system), found.main.measure.digits
    if one.value is None:
        return "failed"
    outcome = found.main.outcome(cell.label, found.references.get(cell.label, ""))
    text = figure(one.value, digits) + ARROWS.get(outcome, "")
    if one.low is None or one.high is None:
        return text
    low, high = (figure(end, digits - 1) for end in (one.low, one.high))
    return f"{text}\n{low}{' to ' if low.startswith('−') else '–'}{high}"


def _light(colour: Array) -> bool:
    """True if dark ink is more legible on this colour (relative luminance, WCAG)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return bool(linear[:3] @ np.array([0.2126, 0.7152, 0.0722]) > 0.18)


def _caption(found: Ablation, contrasts: Contrasts) -> str:
    measure, board = contrasts.measure, found.board
    where = "" if times_not_comparable(board) else f"; {shared_machine(board)}"
    return (
        f"{measure.title} in {measure.unit}, {measure.direction}; 95 % intervals over"
        f" {board.counted}{where}"
    )


def _picture(found: Ablation, draw: Callable[[], Figure], contrasts: Contrasts) -> Picture:
    measure, names = contrasts.measure, [axis.name for axis in found.axes]
    values = "; ".join(
        f"{cell.label}: "
        + (estimate(_number(contrasts, cell.system), measure.digits) if cell.system else "failed")
        for cell in found.cells
    )
    title = f"{measure.title} of {found.method} over {' and '.join(names)}"
    further = [] if contrasts is found.main else [measure.name]
    file = "_".join(["ablation", *(name.replace(".", "_") for name in names), *further])
    return Picture(file, title, draw, f"{title} on {found.board.task}: {values}")
