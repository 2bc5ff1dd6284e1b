"""A figure's panels: titles, curves, points, levels to compare with, and the caption below."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine as Layout

from harness.reports.render.plots.looks import FAINT, INK, RC, WIDTH, Look
from harness.reports.render.table import Cell
from harness.statistics import Array

Mark = tuple[float, float, Look]
"""Where something stands that needs a label: x, y, and its look, which has the name."""


def new_figure(rows: int = 1, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """An empty figure and its axes, top to bottom; `height` in inches is that of one row."""
    with matplotlib.rc_context(RC):
        drawing = Figure(figsize=(WIDTH, height * rows), layout=Layout(w_pad=0.08, h_pad=0.06))
        axes = drawing.subplots(rows, 1, squeeze=False)
    return drawing, list(axes.ravel())


def set_title(axes: Axes, text: str, below: str = "") -> None:
    """What the panel shows, above its left edge, in as many lines as it takes.

    below: a line of its own, so that panels side by side have titles of one height.
    """
    words = "\n".join([*textwrap.wrap(text, 54), *([below] if below else [])])
    axes.set_title(words, loc="left", fontsize=10.5, fontweight="bold", color=INK, parse_math=False)


def line(
    axes: Axes, x: Sequence[float], points: Sequence[Cell], look: Look, band: float = 0.16
) -> list[Mark]:
    """A curve with its intervals as a band of opacity `band` and as bars; None leaves a gap.

    Returns its end for `label_ends`; [] if no value is known.
    """
    values, low, high = (
        _numbers(column) for column in zip(*((p.value, p.low, p.high) for p in points), strict=True)
    )
    axes.plot(x, values, color=look.colour, marker=look.marker, linestyle=look.line,
              linewidth=1.6, markersize=4.5)  # fmt: skip
    axes.vlines(x, low, high, color=look.colour, linewidth=1.2)
    axes.fill_between(x, low, high, color=look.colour, alpha=band, linewidth=0)
    known = np.flatnonzero(np.isfinite(values))[-1:]
    return [(float(x[at]), float(values[at]), look) for at in known]


def draw_curves(
    axes: Axes, rows: Mapping[str, Sequence[Cell]], looks: Mapping[str, Look]
) -> list[Mark]:
    """A curve for each name over the places 0, 1, 2, …, for places that are names, not numbers.

    rows: name → number with interval at each place. Each curve is moved sideways a little, so that
    the bars of intervals do not overlap; bands are faint where they would. Returns the ends of the
    curves for `label_ends`.
    """
    apart = min(0.07, 0.42 / max(len(rows), 1))
    ends = []
    for number, (name, each) in enumerate(rows.items()):
        shift = apart * (number - (len(rows) - 1) / 2)
        x = [place + shift for place in range(len(each))]
        ends += line(axes, x, each, looks[name], 0.16 if len(rows) < 3 else 0.06)
    return ends


def faint(axes: Axes, values: Sequence[float | None]) -> None:
    """A dotted curve over the places 0, 1, 2, … to compare with; one value is a level."""
    look: dict[str, Any] = {"color": FAINT, "linewidth": 1.1, "linestyle": ":"}
    if len(values) == 1:
        axes.axhline(*_numbers(values), **look)
    else:
        axes.plot(range(len(values)), _numbers(values), **look)


def point(axes: Axes, x: Cell, y: Cell, look: Look) -> None:
    """A marker with whiskers to the ends of its intervals, where they are known."""
    axes.errorbar(
        _numbers([x.value]), _numbers([y.value]), xerr=_whiskers(x), yerr=_whiskers(y),
        color=look.colour, marker=look.marker, markersize=7, elinewidth=1.4, capsize=3,
    )  # fmt: skip


def set_caption(drawing: Figure, text: str) -> None:
    """The line under a figure: units, how many, what the interval is, device."""
    words = "\n".join(textwrap.wrap(text, round(drawing.get_figwidth() * 14.5)))
    drawing.supxlabel(words, fontsize=8.5, color=FAINT, x=0.01, ha="left", parse_math=False)


def caption_of(drawing: Figure) -> str:
    """The line under a figure, unwrapped; "" where there is none."""
    return str(drawing.get_supxlabel()).replace("\n", " ")


def _numbers(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _whiskers(number: Cell) -> list[list[float]] | None:
    if number.value is None or number.low is None or number.high is None:
        return None
    return [[max(number.value - number.low, 0.0)], [max(number.high - number.value, 0.0)]]
