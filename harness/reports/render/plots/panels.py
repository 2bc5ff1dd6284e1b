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

from harness.record import Estimate
from harness.reports.render.plots.looks import FAINT, INK, RC, WIDTH, Look


def figure(
    rows: int = 1, columns: int = 1, height: float = 3.4, **options: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure and its axes in reading order; `height` in inches is that of one row.

    Further options go to `Figure.subplots` (sharex, sharey, …).
    """
    with matplotlib.rc_context(RC):
        drawing = Figure(
            figsize=(WIDTH * columns, height * rows), layout=Layout(w_pad=0.08, h_pad=0.06)
        )
        axes = drawing.subplots(rows, columns, squeeze=False, **options)
    return drawing, list(axes.ravel())


def title(axes: Axes, text: str, below: str = "") -> None:
    """What the panel shows, above its left edge, in as many lines as it takes.

    below: a line of its own, so that panels side by side have titles of one height.
    """
    axes.set_title(
        "\n".join([*textwrap.wrap(text, 54), *([below] if below else [])]),
        loc="left",
        fontsize=10.5,
        fontweight="bold",
        color=INK,
        parse_math=False,
    )


def line(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float | None],
    look: Look,
    low: Sequence[float | None] | None = None,
    high: Sequence[float | None] | None = None,
    faint: bool = False,
) -> None:
    """A curve with its interval as a band; None leaves a gap."""
    values = _numbers(y)
    axes.plot(
        x, values, color=look.colour, marker=look.marker, linestyle=look.line,
        linewidth=1.0 if faint else 1.8, markersize=5, alpha=0.55 if faint else 1.0,
    )  # fmt: skip
    if low is not None and high is not None:
        ends = _numbers(low), _numbers(high)
        axes.fill_between(x, *ends, color=look.colour, alpha=0.16, linewidth=0)
        axes.vlines(x, *ends, color=look.colour, linewidth=1.0)  # a band between gaps is nothing


def curves(
    axes: Axes, rows: Mapping[str, Sequence[Estimate]], looks: Mapping[str, Look]
) -> list[tuple[float, float, str, Look]]:
    """A curve a name over the places 0, 1, 2, …, for places that are names, not numbers.

    rows: name → value, low and high at each place. Each curve is moved sideways a little, so that
    intervals, drawn as bars, stand beside each other; bands are faint where they would lie on each
    other. Returns the ends of the curves for `label_ends`.
    """
    apart = min(0.07, 0.42 / max(len(rows), 1))
    ends = []
    for number, (name, each) in enumerate(rows.items()):
        look, shift = looks[name], apart * (number - (len(rows) - 1) / 2)
        x = np.arange(len(each)) + shift
        values = _numbers([one.value for one in each])
        low, high = _numbers([one.low for one in each]), _numbers([one.high for one in each])
        axes.plot(x, values, color=look.colour, marker=look.marker, linestyle=look.line,
                  linewidth=1.6, markersize=4.5)  # fmt: skip
        axes.vlines(x, low, high, color=look.colour, linewidth=1.3)
        axes.fill_between(
            x, low, high, color=look.colour, alpha=0.16 if len(rows) < 3 else 0.06, linewidth=0
        )
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            ends.append((float(x[known[-1]]), float(values[known[-1]]), name, look))
    return ends


def point(
    axes: Axes,
    x: float,
    y: float,
    look: Look,
    x_interval: tuple[float | None, float | None] = (None, None),
    y_interval: tuple[float | None, float | None] = (None, None),
) -> None:
    """A marker with whiskers to the ends of its intervals, where they are known."""
    axes.errorbar(
        [x], [y], xerr=_whiskers(x, x_interval), yerr=_whiskers(y, y_interval),
        color=look.colour, marker=look.marker, markersize=7, elinewidth=1.4, capsize=3,
    )  # fmt: skip


def reference_line(axes: Axes, value: float, text: str, look: Look | None = None) -> None:
    """A level to compare with, labelled on the line, e.g. SFT or "reported, not reproduced"."""
    colour = look.colour if look else FAINT
    axes.axhline(value, color=colour, linewidth=1.1, linestyle=look.line if look else ":")
    axes.annotate(
        text, (0, value), xycoords=("axes fraction", "data"), xytext=(3, 2),
        textcoords="offset points", fontsize=8.5, color=INK if look else FAINT,
        annotation_clip=False,
    )  # fmt: skip


def caption(drawing: Figure, text: str) -> None:
    """The line under a figure: units, how many, what the interval is, device."""
    width = round(drawing.get_figwidth() * 14.5)
    drawing.supxlabel(
        "\n".join(textwrap.wrap(text, width)),
        fontsize=8.5,
        color=FAINT,
        x=0.01,
        ha="left",
        parse_math=False,
    )


def caption_of(drawing: Figure) -> str:
    """The line under a figure, unwrapped; "" where there is none."""
    return str(drawing.get_supxlabel()).replace("\n", " ")


def _numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _whiskers(
    value: float, interval: tuple[float | None, float | None]
) -> list[list[float]] | None:
    low, high = interval
    if low is None or high is None:
        return None
    return [[max(value - low, 0.0)], [max(high - value, 0.0)]]
