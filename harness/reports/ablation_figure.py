"""Figures of an ablation: curves over one setting, a heat map over two."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from harness.metrics.statistics import Interval
from harness.reports import style
from harness.reports.ablation import Ablation, Cell, places, reasoner_parameters
from harness.reports.costs import machine
from harness.reports.document import Picture, estimate, figure
from harness.reports.measures import Measure
from harness.reports.paper import MARK

HEAT = "cividis"
"""Rising in lightness, so that print and colour-blind readers see the same order."""


def pictures(found: Ablation) -> tuple[Picture, ...]:
    """One picture: curves of the main measure and of NLL, or one heat map of the main measure."""
    return (_heat_map(found) if len(found.axes) == 2 else _curves(found),)


def _curves(found: Ablation) -> Picture:
    shown = [found.main]
    shown += [one for one in found.measures if one.name == "nll" and one is not found.main]
    drawing, panels = style.figure(len(shown), 1, 3.2)
    looks = style.looks([found.method, *([found.reference] if found.reference else [])])
    for axes, measure in zip(panels, shown, strict=True):
        _curve(axes, found, measure, looks)
        axes.set_xlabel(found.axes[0].name)
    _claims(panels[0], found)
    style.title(panels[0], f"{found.method} over {found.axes[0].name}, {found.board.task}")
    shaded = f"; grey: what the paper says ({MARK})" if found.claims else ""
    style.caption(drawing, _told(found, found.main) + "; values evenly spaced" + shaded)
    return _picture(found, drawing)


def _curve(
    axes: style.Axes, found: Ablation, measure: Measure, looks: dict[str, style.Look]
) -> None:
    ends = []
    curves = [(found.method, [cell.intervals.get(measure.name) for cell in found.cells])]
    if found.reference:
        beside = [cell.references.get(measure.name) for cell in found.cells]
        curves.append((found.reference, beside))
    for name, intervals in curves:
        at = range(len(intervals))
        values = [one.value if one else None for one in intervals]
        low, high = ([getattr(one, end, None) for one in intervals] for end in ("low", "high"))
        style.line(axes, list(at), values, looks[name], low, high)
        last = [(x, y) for x, y in zip(at, values, strict=True) if y is not None]
        if last:
            ends.append((float(last[-1][0]), last[-1][1], name, looks[name]))
    axes.set_xticks(range(len(found.cells)), [_tick(found, cell) for cell in found.cells])
    axes.set_xlim(-0.5, len(found.cells) - 0.5)
    axes.set_ylabel(
        f"{measure.title}\n({measure.unit}{', lower is better' if measure.lower_is_better else ''})"
    )
    for x, cell in enumerate(found.cells):
        if cell.system is None:
            axes.annotate(
                "× failed", (x, 0.03), xycoords=("data", "axes fraction"), ha="center",
                fontsize=9, color=style.INK,
            )  # fmt: skip
    style.label_ends(axes, ends)


def _tick(found: Ablation, cell: Cell) -> str:
    """A value; for a reasoner its size below."""
    size = reasoner_parameters(cell) if found.axes[0].key == "model.reasoner" else None
    return cell.values[0] + (f"\n{figure(size / 1e6, 2)} M" if size else "")


def _claims(axes: style.Axes, found: Ablation) -> None:
    """Each claim as a shaded stretch of the values that it speaks of."""
    known = list(places(found).values())
    for claim in found.claims:
        covered = [at for at, place in enumerate(known) if claim.covers(place)]
        if not covered:
            continue
        axes.axvspan(
            covered[0] - 0.42,
            covered[-1] + 0.42,
            color=style.GRID,
            alpha=0.45,
            linewidth=0,
            zorder=0,
        )
        axes.annotate(
            f"paper:\n{claim.short}", ((covered[0] + covered[-1]) / 2, 0.98),
            xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=8.5,
            color=style.FAINT,
        )  # fmt: skip
    if found.claims:
        axes.margins(y=0.25)


def _heat_map(found: Ablation) -> Picture:
    down, across = found.axes
    at = {cell.values: cell for cell in found.cells}
    rows = [[at[first, second] for second in across.values] for first in down.values]
    values = np.array([[_value(found, cell) for cell in row] for row in rows], dtype=np.float64)
    drawing, (axes,) = style.figure(1, 1, max(2.6, 0.62 * len(rows) + 1.5))
    palette = HEAT + ("_r" if found.main.lower_is_better else "")
    shade = matplotlib.colormaps[palette]
    image = axes.imshow(np.ma.masked_invalid(values), cmap=shade, aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(len(across.values)), across.values)
    axes.set_yticks(range(len(down.values)), down.values)
    axes.set_xlabel(across.name)
    axes.set_ylabel(down.name)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            one = cell.intervals.get(found.main.name)
            if one is None or one.value is None:
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////",
                                         edgecolor=style.GRID, linewidth=0))  # fmt: skip
            light = (
                one is not None
                and one.value is not None
                and _light(np.ravel(shade(image.norm(np.array([one.value])))))
            )
            ink = style.INK if light or one is None or one.value is None else style.PAPER
            axes.text(
                x, y, _text(one, found.main), ha="center", va="center", fontsize=8.5, color=ink
            )
    bar = drawing.colorbar(image, ax=axes)
    bar.set_label(f"{found.main.title} ({found.main.unit})")
    style.title(axes, f"{found.method} over {down.name} and {across.name}, {found.board.task}")
    beside = {cell.reference.name: cell.references[found.main.name]
              for cell in found.cells if cell.reference}  # fmt: skip
    told = "".join(f"; {name}: {_text(one, found.main)}" for name, one in beside.items())
    style.caption(drawing, (_told(found, found.main) + told).replace("\n", " "))
    return _picture(found, drawing)


def _value(found: Ablation, cell: Cell) -> float:
    one = cell.intervals.get(found.main.name)
    return np.nan if one is None or one.value is None else one.value


def _text(one: Interval | None, measure: Measure) -> str:
    if one is None or one.value is None:
        return "failed"
    return estimate(one.value, one.low, one.high, measure.digits).text.replace(" [", "\n[")


def _light(colour: NDArray[np.float64]) -> bool:
    """Whether dark ink reads better on it (relative luminance, WCAG)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return bool(linear[:3] @ np.array([0.2126, 0.7152, 0.0722]) > 0.18)


def _told(found: Ablation, measure: Measure) -> str:
    users = len(set(found.board.users.values()))
    seeds = sorted({len(cell.system.runs) for cell in found.cells if cell.system})
    many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    over = "users and training seeds" if seeds[-1] > 1 else "users, of this checkpoint"
    return (
        f"{measure.title} in {measure.unit}, {'lower' if measure.lower_is_better else 'higher'} is"
        f" better; 95 % intervals over {over}: {users} users ({len(found.board.ids)} texts), {many}"
        f" training seed{'s' if seeds[-1] > 1 else ''}; {machine(found.board.systems[0])}"
    )


def _picture(found: Ablation, drawing: style.Figure) -> Picture:
    named = " and ".join(axis.name for axis in found.axes)
    told = "; ".join(
        f"{cell.label}: {_text(cell.intervals.get(found.main.name), found.main)}"
        for cell in found.cells
    ).replace("\n", " ")
    title = f"{found.main.title} of {found.method} over {named}"
    name = "_".join(["ablation", *(axis.name.replace(".", "_") for axis in found.axes)])
    return Picture(name, title, drawing, f"{title} on {found.board.task}: {told}")
