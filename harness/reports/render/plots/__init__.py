"""One look for every figure: a method's colour, marker and line never change, also in greyscale.

drawing, (axes,) = figure()
style = looks(["sft", "flythinker"])
ends = line(axes, [50, 150], [Cell(1.2, 1.1, 1.3), Cell(1.4, 1.3, 1.5)], style["sft"])
caption(drawing, "NLL in nats per slice token; 95 % intervals over 64 users; CPU, 2 threads")
label_ends(axes, ends)                 # last: all else moves the panel
save(drawing, folder / "drift")        # drift.svg and drift.png
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.reports.render.plots.images import inline_svg, save
from harness.reports.render.plots.labels import label_ends, label_points, short, spread
from harness.reports.render.plots.looks import FAINT, GRID, INK, PAPER, Look, looks
from harness.reports.render.plots.panels import (
    Mark,
    caption,
    caption_of,
    curves,
    figure,
    line,
    point,
    title,
)

__all__ = [
    "FAINT",
    "GRID",
    "INK",
    "PAPER",
    "Axes",
    "Figure",
    "Look",
    "Mark",
    "caption",
    "caption_of",
    "curves",
    "figure",
    "inline_svg",
    "label_ends",
    "label_points",
    "line",
    "looks",
    "point",
    "save",
    "short",
    "spread",
    "title",
]
