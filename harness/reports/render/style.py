"""One style for all figures: each method keeps its colour, marker and line, also in greyscale.

drawing, (axes,) = figure()
style = looks(["sft", "flythinker"])
line(axes, [50, 150], [1.2, 1.4], style["sft"], low=[1.1, 1.3], high=[1.3, 1.5])
caption(drawing, "NLL in nats per slice token; 95 % intervals over 64 users; CPU, 2 threads")
label_ends(axes, [(150, 1.4, "sft", style["sft"])])      # last: all else moves the panel
save(drawing, folder / "drift")        # drift.svg and drift.png
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine as Layout
from scipy.optimize import isotonic_regression

from harness.record import Estimate

INK, FAINT, GRID, PAPER = "#1b1f24", "#5d6570", "#d9dde2", "#ffffff"
WIDTH = 5.2
"""Inches of one panel: its 10-point text stays legible on a phone, 358 pixels wide."""
RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "svg.fonttype": "none",  # text stays text: searchable, small, and the page can colour it
    "svg.hashsalt": "harness",  # the same figure gives the same bytes
    "path.simplify": False,
}


@dataclass(frozen=True)
class Look:
    """How one method is drawn. `line` is a matplotlib line style."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[float, ...]]


METHOD_LOOKS = {
    "nonpers": Look("#7a7f87", "x", (0, (1, 1.5))),
    "rag": Look("#e69f00", "v", (0, (4, 1.5, 1, 1.5))),
    "sft": Look("#d55e00", "s", "--"),
    "cot": Look("#cc79a7", "^", (0, (6, 2))),
    "coconut": Look("#009e73", "D", "-."),
    "flythinker": Look("#0072b2", "o", "-"),
}
"""Okabe and Ito's colours, distinct for colour-blind readers; markers and lines are for print."""
FURTHER_LOOKS = (
    Look("#56b4e9", "P", (0, (3, 1, 1, 1, 1, 1))),
    Look("#8c6d1f", "*", (0, (5, 1))),
    Look("#4b3f9e", "h", (0, (2, 2))),
    Look("#a63d57", "<", (0, (8, 2, 1, 2))),
    Look("#3f7d20", ">", (0, (1, 3))),
)
"""For plugins and for the values of an ablation, in order of appearance."""


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Name → look: fixed for the six methods, the further ones in order for others."""
    further = cycle(FURTHER_LOOKS)
    return {name: METHOD_LOOKS.get(name) or next(further) for name in dict.fromkeys(names)}


def figure(
    rows: int = 1, columns: int = 1, height: float = 3.4, **options: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure and its axes in reading order.

    rows, columns: of panels. height: inches per row. options: for `Figure.subplots` (sharex, …).
    """
    with matplotlib.rc_context(RC):
        drawing = Figure(
            figsize=(WIDTH * columns, height * rows), layout=Layout(w_pad=0.08, h_pad=0.06)
        )
        axes = drawing.subplots(rows, columns, squeeze=False, **options)
    return drawing, list(axes.ravel())


def title(axes: Axes, text: str, below: str = "") -> None:
    """The panel's title, left-aligned and wrapped.

    below: a second line, so that panels side by side have titles of the same height.
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
    """Draw a curve with its interval as a band.

    x, y: its points; None leaves a gap. look: colour, marker and line. low, high: interval ends.
    faint: thinner and paler.
    """
    values = _numbers(y)
    axes.plot(
        x, values, color=look.colour, marker=look.marker, linestyle=look.line,
        linewidth=1.0 if faint else 1.8, markersize=5, alpha=0.55 if faint else 1.0,
    )  # fmt: skip
    if low is not None and high is not None:
        ends = _numbers(low), _numbers(high)
        axes.fill_between(x, *ends, color=look.colour, alpha=0.16, linewidth=0)
        axes.vlines(
            x, *ends, color=look.colour, linewidth=1.0
        )  # a band around a single point is invisible


def curves(
    axes: Axes, rows: Mapping[str, Sequence[Estimate]], looks: Mapping[str, Look]
) -> list[tuple[float, float, str, Look]]:
    """Draw one curve per name over categories at x = 0, 1, 2, ….

    rows: name → value, low and high of each category. Curves are shifted sideways so that their
    interval bars do not overlap; bands are paler if there are many. Returns the curves' ends, for
    `label_ends`.
    """
    gap = min(0.07, 0.42 / max(len(rows), 1))
    ends = []
    for number, (name, each) in enumerate(rows.items()):
        look, shift = looks[name], gap * (number - (len(rows) - 1) / 2)
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
    """Draw a marker with whiskers for the known intervals.

    x, y, look: the point. x_interval, y_interval: low and high ends, or None.
    """
    axes.errorbar(
        [x], [y], xerr=_whiskers(x, x_interval), yerr=_whiskers(y, y_interval),
        color=look.colour, marker=look.marker, markersize=7, elinewidth=1.4, capsize=3,
    )  # fmt: skip


def reference_line(axes: Axes, value: float, text: str, look: Look | None = None) -> None:
    """Draw a horizontal reference line with its label, e.g. SFT."""
    colour = look.colour if look else FAINT
    axes.axhline(value, color=colour, linewidth=1.1, linestyle=look.line if look else ":")
    axes.annotate(
        text, (0, value), xycoords=("axes fraction", "data"), xytext=(3, 2),
        textcoords="offset points", fontsize=8.5, color=INK if look else FAINT,
        annotation_clip=False,
    )  # fmt: skip


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, Look]]) -> None:
    """Label each curve's end (x, y, text, look), right of all ends and without overlaps.

    Call it after title, ticks and caption, because they move the panel.
    """
    if not ends:
        return
    # 1. Draw the labels at the ends, and find the ends' positions in points.
    notes = [
        axes.annotate(
            f" {short(text)}", (x, y), parse_math=False, xytext=(12, 0),
            textcoords="offset points", va="center",
            fontsize=9.5, color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.colour, "lw": 1.0, "shrinkB": 3,
                        "relpos": (0.0, 0.5)},
        )
        for x, y, text, look in ends
    ]  # fmt: skip
    drawing = _drawn(axes)
    points = 72 / drawing.dpi
    heights = [
        float(axes.transData.transform((x, y))[1]) * points if np.isfinite(y) else 0.0
        for x, y, _, _ in ends
    ]
    # 2. Spread the labels vertically, and align them to the right of the last end.
    frame = axes.get_window_extent()
    moved = spread(heights, 12.0, frame.y0 * points + 2, frame.y1 * points - 6)
    across = [float(axes.transData.transform((x, y))[0]) * points for x, y, _, _ in ends]
    for note, x, before, after in zip(notes, across, heights, moved, strict=True):
        note.set_position((12 + max(across) - x, after - before))


def label_points(axes: Axes, points: Sequence[tuple[float, float, str, Look]]) -> None:
    """Label each point (x, y, text, look) away from markers and other labels.

    Call it after title, ticks and caption, because they move the panel.
    """
    # 1. The markers' boxes, in points.
    drawing = _drawn(axes)
    scale = 72 / drawing.dpi
    places = [axes.transData.transform((x, y)) * scale for x, y, _, _ in points]
    frame = axes.get_window_extent().transformed(_scaling(scale))
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    # 2. For each label, the position with the least overlap; the frame must hold it.
    for (x, y), (at_x, at_y, text, _) in zip(places, points, strict=True):
        text = short(text)
        width, height = 6.2 * len(text), 11.0
        choices: list[tuple[Any, ...]] = []
        for dx, dy, side in ((9, 7, 0), (9, -7, 0), (-9, 7, 1), (-9, -7, 1), (9, 20, 0),
                             (9, -20, 0), (-9, 20, 1), (-9, -20, 1)):  # fmt: skip
            left = x + dx - side * width
            box = (left, y + dy - height / 2, left + width, y + dy + height / 2)
            outside = box[0] < frame.x0 or box[2] > frame.x1
            cost = sum(_overlap(box, other) for other in taken) + 1000 * outside
            choices.append((cost, len(choices), dx, dy, side, box))
        _, _, dx, dy, side, box = min(choices)
        taken.append(box)
        axes.annotate(
            text, (at_x, at_y), parse_math=False, xytext=(dx, dy),
            textcoords="offset points", va="center",
            ha="right" if side else "left", fontsize=9.5, color=INK, annotation_clip=False,
        )  # fmt: skip


def short(text: str, most: int = 30) -> str:
    """A label of at most `most` characters: drops names of settings, then cuts with "…"."""
    if len(text) > most:
        text = re.sub(r"([(,] ?)[\w.]+=", r"\1", text)
    return text if len(text) <= most else text[: most - 1] + "…"


def spread(
    places: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf
) -> list[float]:
    """Move the places as little as possible (least squares) until they are `gap` apart.

    They stay between `low` and `high` if there is room for all, and start at `low` otherwise.
    """
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    level = isotonic_regression(np.asarray(places)[order] - steps).x
    found = np.empty(len(places))
    found[order] = np.maximum(np.minimum(level, high - gap * (len(places) - 1)), low) + steps
    return [float(value) for value in found]


def caption(drawing: Figure, text: str) -> None:
    """The line below a figure: units, counts, kind of interval, device."""
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
    """The line below a figure, unwrapped; "" if there is none."""
    return str(drawing.get_supxlabel()).replace("\n", " ")


def save(drawing: Figure, path: Path) -> list[Path]:
    """Write `path` as SVG and PNG, replacing its suffix; equal figures give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(path.name + suffix) for suffix in (".svg", ".png")]
    with matplotlib.rc_context(RC):
        drawing.savefig(written[0], facecolor=PAPER, metadata={"Date": None, "Creator": None})
        drawing.savefig(written[1], facecolor=PAPER, dpi=160, metadata={"Software": None})
    return written


def inline_svg(drawing: Figure, title: str, prefix: str) -> str:
    """The figure as an <svg> element whose ink follows the page's `currentColor`.

    title: for screen readers. prefix: makes ids unique among a page's figures. The caption is left
    out, because the page shows it as text.
    """
    from html import escape

    buffer, line_below = io.StringIO(), caption_of(drawing)
    drawing.supxlabel("")
    with matplotlib.rc_context(RC):
        drawing.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    caption(drawing, line_below)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}-", text)
    for colour, variable in ((INK, "currentColor"), (FAINT, "var(--faint)"), (GRID, "var(--grid)")):
        text = text.replace(colour, variable)
    name = escape(title, quote=True)
    return text.replace("<svg", f'<svg role="img" aria-label="{name}"', 1).strip()


def _drawn(axes: Axes) -> Figure:
    drawing = axes.get_figure(root=True)
    assert drawing is not None
    with matplotlib.rc_context(RC):
        drawing.draw_without_rendering()
    return drawing


def _scaling(scale: float) -> Any:
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(scale)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def _numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _whiskers(
    value: float, interval: tuple[float | None, float | None]
) -> list[list[float]] | None:
    low, high = interval
    if low is None or high is None:
        return None
    return [[max(value - low, 0.0)], [max(high - value, 0.0)]]
