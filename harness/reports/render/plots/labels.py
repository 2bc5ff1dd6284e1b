"""Names of curves and points, placed where they meet nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

from harness.reports.render.plots.looks import INK, RC
from harness.reports.render.plots.panels import Mark


def label_ends(axes: Axes, ends: Sequence[Mark]) -> None:
    """Name each curve right of all ends, moved apart so that none overlap, with a leader line.

    Title, ticks and caption come before it: they move the panel, and with it the ends.
    """
    if not ends:
        return
    notes = [
        axes.annotate(
            f" {short(look.name)}", (x, y), parse_math=False, xytext=(12, 0),
            textcoords="offset points", va="center",
            fontsize=9.5, color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.colour, "lw": 1.0, "shrinkB": 3,
                        "relpos": (0.0, 0.5)},
        )
        for x, y, look in ends
    ]  # fmt: skip
    drawing = axes.figure.get_figure(root=True)
    layout = drawing.get_layout_engine()
    assert layout is not None  # `new_figure` gives one
    with matplotlib.rc_context(RC):
        layout.execute(drawing)
    points = 72 / drawing.dpi
    places = [axes.transData.transform((x, y)) * points for x, y, _ in ends]
    heights = [float(y) for _, y in places]
    frame = axes.get_window_extent()
    moved = spread(heights, 12.0, frame.y0 * points + 2, frame.y1 * points - 6)
    furthest = max(x for x, _ in places)
    for note, (x, before), after in zip(notes, places, moved, strict=True):
        note.set_position((12 + furthest - x, after - before))


def legend(axes: Axes, points: Sequence[Mark]) -> None:
    """Marker and name of each point, right of a panel, from the highest to the lowest."""
    looks = [look for _, _, look in sorted(points, key=lambda each: -each[1])]
    handles = [Line2D([], [], color=one.colour, marker=one.marker, linestyle="") for one in looks]
    found = axes.legend(handles, [short(one.name) for one in looks], loc="upper left", fontsize=9,
                        bbox_to_anchor=(1.0, 1.02), frameon=False, handletextpad=0.3)  # fmt: skip
    for text in found.get_texts():
        text.set_parse_math(False)


def short(text: str, most: int = 30) -> str:
    """A label that leaves room for its panel: settings by their values alone, else cut at "…"."""
    if len(text) > most:
        text = re.sub(r"([(,] ?)[\w.]+=", r"\1", text)
    return text if len(text) <= most else text[: most - 1] + "…"


def spread(
    places: Sequence[float], gap: float, low: float = -np.inf, high: float = np.inf
) -> list[float]:
    """The places moved as little as possible (least squares) until all are `gap` apart.

    They stay between `low` and `high`, as long as that holds them all; else they begin at `low`.
    """
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    level = isotonic_regression(np.asarray(places)[order] - steps).x
    found = np.empty(len(places))
    found[order] = np.maximum(np.minimum(level, high - gap * (len(places) - 1)), low) + steps
    return [float(value) for value in found]
