"""Names of curves and points, placed where they meet nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from harness.reports.render.plots.looks import INK, RC, Look


def label_ends(axes: Axes, ends: Sequence[tuple[float, float, str, Look]]) -> None:
    """Name each curve (x, y, text, look) right of all ends, moved apart so that none overlap.

    Title, ticks and caption come before it: they move the panel, and with it the ends.
    """
    if not ends:
        return
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
    frame = axes.get_window_extent()
    moved = spread(heights, 12.0, frame.y0 * points + 2, frame.y1 * points - 6)
    across = [float(axes.transData.transform((x, y))[0]) * points for x, y, _, _ in ends]
    for note, x, before, after in zip(notes, across, heights, moved, strict=True):
        note.set_position((12 + max(across) - x, after - before))


def label_points(axes: Axes, points: Sequence[tuple[float, float, str, Look]]) -> None:
    """Name each point (x, y, text, look) where its label meets no marker and no other label.

    Title, ticks and caption come before it: they move the panel.
    """
    drawing = _drawn(axes)
    scale = 72 / drawing.dpi
    places = [axes.transData.transform((x, y)) * scale for x, y, _, _ in points]
    frame = axes.get_window_extent().transformed(_scaling(scale))
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
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


def _scaling(scale: float) -> Any:
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(scale)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
