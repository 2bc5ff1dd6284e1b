"""Figures of an ablation: curves over one setting, a heat map over two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from harness.reports.ablation.values import Ablation, Cell, places, reasoner_parameters
from harness.reports.compared.measures import Measure
from harness.reports.render import plots
from harness.reports.render.document import Picture
from harness.reports.render.numbers import estimate, figure
from harness.reports.runs.paper import MARK
from harness.reports.sections.cost_tables import machine
from harness.statistics import Comparison, Interval

HEAT = "cividis"
"""Rising in lightness, so that print and colour-blind readers see the same order."""
DARK, LIGHT = "#000000", plots.PAPER
"""Ink on the map's colours, which are the same on a dark page."""
AXIS_TITLES = {
    "method.lam": "λ, the weight of a thought",
    "model.reasoner": "parameters of the reasoner",
    "retrieval.k": "profile entries in the prompt",
}
"""Setting → title of its axis; other settings have their name."""


@dataclass(frozen=True)
class Places:
    """Positions of values on the x axis: label of a cell → x.

    By size (millions of parameters, logarithmic) if the values are reasoners of known, different
    sizes; a value without a size then has no position. Otherwise evenly spaced in the order given.
    """

    x: Mapping[str, float]
    by_size: bool

    def right_of(self, x: float, steps: float) -> float:
        """`steps` of a value's width to the right of x."""
        return x * 10 ** (0.2 * steps) if self.by_size else x + steps


def places_of(found: Ablation) -> Places:
    """See `Places`."""
    sizes = {cell.label: reasoner_parameters(cell) for cell in found.cells}
    known = {label: size / 1e6 for label, size in sizes.items() if size}
    lacking = [cell for cell in found.cells if cell.system and cell.label not in known]
    distinct = len(set(known.values())) == len(known) > 1
    if found.axes[0].key == "model.reasoner" and distinct and not lacking:
        return Places(dict(sorted(known.items(), key=lambda each: each[1])), True)
    return Places({cell.label: float(at) for at, cell in enumerate(found.cells)}, False)


def pictures(found: Ablation) -> tuple[Picture, ...]:
    """Curves of the main measure and NLL; for two settings, a heat map of the main measure."""
    if len(found.axes) == 2:
        return (_heat_map(found),)
    shown = [found.main]
    shown += [one for one in found.measures if one.name == "nll" and one is not found.main]
    return tuple(_curves(found, measure) for measure in shown)


def _curves(found: Ablation, measure: Measure) -> Picture:
    drawing, (axes,) = plots.figure(height=3.4)
    looks = plots.looks([found.method, *([found.reference] if found.reference else [])])
    at = places_of(found)
    ends = _curve(axes, found, measure, looks, at)
    title = AXIS_TITLES.get(found.axes[0].key, found.axes[0].name)
    axes.set_xlabel(title + (", millions (logarithmic)" if at.by_size else ""))
    shaded = measure is found.main and _claims(axes, found, at)
    of_what = f"{measure.title}: {found.method} over {found.axes[0].name}"
    plots.title(axes, of_what, found.board.task)
    text = _caption(found, measure) + ("" if at.by_size else "; values evenly spaced")
    text += f"; grey: what the paper says ({MARK})" if shaded else ""
    plots.caption(drawing, text)
    plots.label_ends(axes, ends)
    return _picture(found, drawing, measure)


def _curve(
    axes: plots.Axes,
    found: Ablation,
    measure: Measure,
    looks: dict[str, plots.Look],
    at: Places,
) -> list[tuple[float, float, str, plots.Look]]:
    """Draw the method's values and the reference's; returns the curves' ends, for labels.

    axes, looks: where and how to draw. found, measure: what to draw. at: positions of the values.
    """
    # 1. Both curves.
    ends = []
    cells = {cell.label: cell for cell in found.cells}
    shown = [cells[label] for label in at.x]
    x = list(at.x.values())
    curves = [(found.method, [cell.intervals.get(measure.name) for cell in shown])]
    if found.reference:
        curves.append((found.reference, [cell.references.get(measure.name) for cell in shown]))
    for name, intervals in curves:
        values = [one.value if one else None for one in intervals]
        low, high = ([getattr(one, end, None) for one in intervals] for end in ("low", "high"))
        plots.line(axes, x, values, looks[name], low, high)
        last = [(place, y) for place, y in zip(x, values, strict=True) if y is not None]
        if last:
            ends.append((last[-1][0], last[-1][1], name, looks[name]))
    # 2. Axes.
    if at.by_size:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(x, [_tick(cell, at) for cell in shown])
    axes.set_xlim(at.right_of(x[0], -0.5), at.right_of(x[-1], 0.5))
    axes.set_ylabel(
        f"{measure.title}\n({measure.unit}{', lower is better' if measure.lower_is_better else ''})"
    )
    # 3. Failed values.
    for cell in found.cells:
        if cell.system is None and cell.label in at.x:
            axes.annotate(
                "× failed", (at.x[cell.label], 0.03), xycoords=("data", "axes fraction"),
                ha="center", fontsize=9, color=plots.INK,
            )  # fmt: skip
    placeless = [cell.values[0] for cell in found.cells if cell.label not in at.x]
    if placeless:
        axes.annotate(f"× failed: {', '.join(placeless)}", (0.02, 0.03), xycoords="axes fraction",
                      fontsize=9, color=plots.INK, parse_math=False)  # fmt: skip
    return ends


def _tick(cell: Cell, at: Places) -> str:
    """A value's tick label; for reasoners, the size above the name."""
    name = plots.short(cell.values[0].rstrip("/").rpartition("/")[2], 14)
    return f"{figure(at.x[cell.label], 2)}\n{name}" if at.by_size else name


def _claims(axes: plots.Axes, found: Ablation, at: Places) -> bool:
    """Shade the range of values of each claim; returns whether there is any."""
    known = places(found)
    shaded = False
    for claim in found.claims:
        covered = sorted(at.x[label] for label, place in known.items()
                         if claim.covers(place) and label in at.x)  # fmt: skip
        if not covered:
            continue
        shaded = True
        middle = 10 ** ((log10(covered[0]) + log10(covered[-1])) / 2) if at.by_size else (
            (covered[0] + covered[-1]) / 2
        )  # fmt: skip
        axes.axvspan(
            at.right_of(covered[0], -0.42),
            at.right_of(covered[-1], 0.42),
            color=plots.GRID,
            alpha=0.45,
            linewidth=0,
            zorder=0,
        )
        axes.annotate(
            f"paper:\n{claim.short}", (middle, 0.98),
            xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=8.5,
            color=plots.FAINT,
        )  # fmt: skip
    if shaded:
        axes.margins(y=0.3)
    return shaded


def _heat_map(found: Ablation) -> Picture:
    # 1. The grid of values.
    down, across = found.axes
    at = {cell.values: cell for cell in found.cells}
    rows = [[at[first, second] for second in across.values] for first in down.values]
    values = np.array([[_value(found, cell) for cell in row] for row in rows], dtype=np.float64)
    drawing, (axes,) = plots.figure(1, 1, max(2.6, 0.62 * len(rows) + 1.5))
    palette = HEAT + ("_r" if found.main.lower_is_better else "")
    shade = matplotlib.colormaps[palette]
    image = axes.imshow(np.ma.masked_invalid(values), cmap=shade, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(across.values)), across.values)
    axes.set_yticks(range(len(down.values)), down.values)
    axes.set_xlabel(AXIS_TITLES.get(across.key, across.name))
    axes.set_ylabel(AXIS_TITLES.get(down.key, down.name))
    # 2. Each cell's value and interval, in readable ink.
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            one = cell.intervals.get(found.main.name)
            if one is None or one.value is None:
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////",
                                         edgecolor=plots.GRID, linewidth=0))  # fmt: skip
            light = (
                one is not None
                and one.value is not None
                and _light(np.ravel(shade(image.norm(np.array([one.value])))))
            )
            ink = (DARK if light else LIGHT) if one and one.value is not None else plots.INK
            text = _inside(one, found.main, found.compared.get((cell.label, None)))
            axes.text(x, y, text, ha="center", va="center",
                      fontsize=8.5 if len(across.values) < 5 else 7.5, color=ink)  # fmt: skip
    # 3. Colour bar, title and caption.
    bar = drawing.colorbar(image, ax=axes)
    bar.set_label(f"{found.main.title} ({found.main.unit})", color=plots.INK)
    bar.ax.tick_params(labelsize=9, color=plots.INK, labelcolor=plots.INK)
    bar.outline.set_visible(False)
    plots.title(axes, f"{found.method} over {down.name} and {across.name}, {found.board.task}")
    beside = {cell.reference.name: cell.references[found.main.name]
              for cell in found.cells if cell.reference}  # fmt: skip
    reference_values = "".join(
        f"; {name}: {_text(one, found.main)}" for name, one in beside.items()
    )
    reference_values += "; below each value its interval, with all digits in the table"
    if found.reference:
        reference_values += (
            f"; ▲ significantly better than {found.reference}, ▼ significantly worse"
        )
    plots.caption(drawing, (_caption(found, found.main) + reference_values).replace("\n", " "))
    return _picture(found, drawing, found.main)


def _value(found: Ablation, cell: Cell) -> float:
    one = cell.intervals.get(found.main.name)
    return np.nan if one is None or one.value is None else one.value


def _text(one: Interval | None, measure: Measure) -> str:
    if one is None or one.value is None:
        return "failed"
    return estimate(one.value, one.low, one.high, measure.digits).replace(" [", "\n[")


def _inside(one: Interval | None, measure: Measure, beside: Comparison | None) -> str:
    """A value above its interval, which has one digit less, for a narrow cell.

    ▲ and ▼: significantly better or worse than the reference.
    """
    if one is None or one.value is None:
        return "failed"
    text = figure(one.value, measure.digits)
    if beside is not None and beside.verdict in ("higher", "lower"):
        text += " ▲" if measure.favours_first(beside.difference or 0.0) else " ▼"
    if one.low is None or one.high is None:
        return text
    low, high = (figure(end, measure.digits - 1) for end in (one.low, one.high))
    return f"{text}\n{low}{' to ' if low.startswith('−') else '–'}{high}"


def _light(colour: NDArray[np.float64]) -> bool:
    """True if dark ink is more legible on this colour (relative luminance, WCAG)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return bool(linear[:3] @ np.array([0.2126, 0.7152, 0.0722]) > 0.18)


def _caption(found: Ablation, measure: Measure) -> str:
    users = len(set(found.board.users.values()))
    seeds = sorted({len(cell.system.runs) for cell in found.cells if cell.system})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    over = "users and training seeds" if seeds[-1] > 1 else "users, of this checkpoint"
    return (
        f"{measure.title} in {measure.unit}, {'lower' if measure.lower_is_better else 'higher'} is"
        f" better; 95 % intervals over {over}: {users} users ({len(found.board.ids)} texts), {many}"
        f" training seed{'s' if seeds[-1] > 1 else ''}; {machine(found.board.systems[0])}"
    )


def _picture(found: Ablation, drawing: plots.Figure, measure: Measure) -> Picture:
    named = " and ".join(axis.name for axis in found.axes)
    values_in_words = "; ".join(
        f"{cell.label}: {_text(cell.intervals.get(measure.name), measure)}" for cell in found.cells
    ).replace("\n", " ")
    title = f"{measure.title} of {found.method} over {named}"
    further = [] if measure is found.main else [measure.name]
    name = "_".join(["ablation", *(axis.name.replace(".", "_") for axis in found.axes), *further])
    return Picture(name, title, drawing, f"{title} on {found.board.task}: {values_in_words}")
