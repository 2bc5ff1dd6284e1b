"""Names of curves and points, placed where they meet nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D
from scipy.optimize import isotonic_regression

from harness.reports.render.plots.looks import INK, RC
from harness.reports.render.plots.panels import Mark

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""
PLACES = ((9, 7, 0), (9, -7, 0), (-9, 7, 1), (-9, -7, 1), (9, 20, 0), (9, -20, 0), (-9, 20, 1),
          (-9, -20, 1))  # fmt: skip
"""Where a point's name may stand, best first: points right and up, and whether it ends there."""


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
    points = 72 / _drawn(axes).dpi
    places = [axes.transData.transform((x, y)) * points for x, y, _ in ends]
    heights = [float(y) for _, y in places]
    frame = axes.get_window_extent()
    moved = spread(heights, 12.0, frame.y0 * points + 2, frame.y1 * points - 6)
    furthest = max(x for x, _ in places)
    for note, (x, before), after in zip(notes, places, moved, strict=True):
        note.set_position((12 + furthest - x, after - before))


def label_points(panels: Sequence[tuple[Axes, Sequence[Mark]]]) -> None:
    """Name each panel's points where a label meets no marker and no other label.

    If a panel has no room for that, a legend right of the first panel names the points of all.
    Title, ticks and caption come before it: they move the panel.
    """
    choices = [(axes, points, _room(axes, points)) for axes, points in panels]
    if any(room is None for _, _, room in choices):
        _legend(*panels[0])
        return
    for axes, points, room in choices:
        for (x, y, look), (dx, dy, side) in zip(points, room or (), strict=True):
            axes.annotate(
                short(look.name), (x, y), parse_math=False, xytext=(dx, dy),
                textcoords="offset points", va="center",
                ha="right" if side else "left", fontsize=9.5, color=INK, annotation_clip=False,
            )  # fmt: skip


def _room(axes: Axes, points: Sequence[Mark]) -> list[tuple[int, int, int]] | None:
    """For each point the place of its name in `PLACES`; None if some name would meet another."""
    scale = 72 / _drawn(axes).dpi
    frame = axes.get_window_extent().transformed(Affine2D().scale(scale))
    places = [axes.transData.transform((x, y)) * scale for x, y, _ in points]
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    found = []
    for (x, y), (_, _, look) in zip(places, points, strict=True):
        width = 6.2 * len(short(look.name))
        for place in PLACES:
            left, middle = x + place[0] - place[2] * width, y + place[1]
            box = (left, middle - 5.5, left + width, middle + 5.5)
            inside = frame.x0 <= box[0] and box[2] <= frame.x1
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                found.append(place)
                break
        else:
            return None
    return found


def _legend(axes: Axes, points: Sequence[Mark]) -> None:
    """Marker and name of each point, right of a panel, from the highest to the lowest."""
    looks = [look for _, _, look in sorted(points, key=lambda each: -each[1])]
    handles = [Line2D([], [], color=one.colour, marker=one.marker, linestyle="") for one in looks]
    legend = axes.legend(handles, [short(one.name) for one in looks], loc="upper left", fontsize=9,
                         bbox_to_anchor=(1.0, 1.02), frameon=False, handletextpad=0.3)  # fmt: skip
    for text in legend.get_texts():
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


def _drawn(axes: Axes) -> Figure:
    drawing = axes.get_figure(root=True)
    assert drawing is not None
    with matplotlib.rc_context(RC):
        drawing.draw_without_rendering()
    return drawing


def _overlap(one: Box, other: Box) -> bool:
    return (
        min(one[2], other[2]) > max(one[0], other[0])
        and min(one[3], other[3]) > max(one[1], other[1])
    )  # fmt: skip
