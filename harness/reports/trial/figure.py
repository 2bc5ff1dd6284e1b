"""The figure of a trial: how often three texts win, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.record.trials import Trial, TriedMetric
from harness.reports.render.numbers import estimate
from harness.reports.render.plots.looks import FAINT, Look
from harness.reports.render.plots.panels import new_figure, point, set_caption, set_title
from harness.reports.render.section import Picture
from harness.reports.render.table import Cell

PANELS = (
    ("own_over_other", "The author's text beats another author's"),
    ("padded_over_own", "A padded text beats the author's own"),
    ("copied_over_own", "A copied text beats the author's own"),
)
"""Duel → title of its panel."""
PASSES, FAILS, CONTROL = Look("#0072b2", "o", "-"), Look("#d55e00", "X", "-"), Look(FAINT, "d", "-")


@dataclass(frozen=True)
class Line:
    """One metric in the figure."""

    metric: TriedMetric
    look: Look


def picture(trial: Trial) -> Picture:
    """A panel for each duel that decides whether a metric passes."""
    lines = [
        *(Line(one, FAILS if one.outcome == "fails" else PASSES) for one in trial.metrics.values()),
        *(Line(one, CONTROL) for one in trial.controls.values()),
    ]
    lines = [one for one in lines if one.metric.auc]
    title = "What each metric prefers"
    return Picture("trial", title, partial(_draw, lines, trial.users), _described(lines))


def _draw(lines: Sequence[Line], users: int) -> Figure:
    drawing, axes = new_figure(len(PANELS), 0.9 + 0.22 * len(lines))
    for panel, (duel, title) in zip(axes, PANELS, strict=True):
        _draw_panel(panel, duel, title, lines)
    set_caption(
        drawing,
        "% of duels won; 50 is no preference. The other author's text is on the same subject."
        " Padded: the author's own text to twice its length. Copied: from the author's profile."
        f" Lines: 95 % intervals over up to {users} users. Dots: the metric passes. Crosses: it"
        " fails. Diamonds: measures known to be bad",
    )
    return drawing


def _draw_panel(axes: Axes, duel: str, title: str, lines: Sequence[Line]) -> None:
    set_title(axes, title)
    for place, line in enumerate(lines):
        number = line.metric.auc[duel]
        point(axes, Cell.of(number), Cell(float(place)), line.look)
    axes.axvline(50, color=FAINT, linewidth=1.1, linestyle=":")
    axes.set_yticks(range(len(lines)), [line.metric.title for line in lines], parse_math=False)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xlim(-3, 103)
    axes.grid(axis="y", visible=False)


def _described(lines: Sequence[Line]) -> str:
    """The figure in words."""
    words = [
        f"{title}: "
        + ", ".join(f"{one.metric.title} {estimate(one.metric.auc[duel], 0)} %" for one in lines)
        for duel, title in PANELS
    ]
    return ". ".join(words)
