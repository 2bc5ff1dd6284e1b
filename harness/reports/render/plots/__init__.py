"""One look for every figure: a method's colour, marker and line never change, also in greyscale.

drawing, (axes,) = figure()
style = looks(["sft", "flythinker"])
line(axes, [50, 150], [1.2, 1.4], style["sft"], low=[1.1, 1.3], high=[1.3, 1.5])
caption(drawing, "NLL in nats per slice token; 95 % intervals over 64 users; CPU, 2 threads")
label_ends(axes, [(150, 1.4, "sft", style["sft"])])      # last: all else moves the panel
save(drawing, folder / "drift")        # drift.svg and drift.png
"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.reports.render.plots.images import inline_svg, save
from harness.reports.render.plots.labels import label_ends, label_points, short, spread
from harness.reports.render.plots.looks import FAINT, GRID, INK, PAPER, Look, looks
from harness.reports.render.plots.panels import (
    caption,
    caption_of,
    curves,
    figure,
    line,
    point,
    reference_line,
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
    "reference_line",
    "save",
    "short",
    "spread",
    "title",
]
