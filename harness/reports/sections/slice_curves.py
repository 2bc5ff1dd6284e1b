"""A view by position in the text: in its figure each system has a curve over the slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from harness.record import Record, SliceEstimate
from harness.reports.compared.measures import Measure, Rows
from harness.reports.compared.pooled import Pooled, interval_words, over_seeds
from harness.reports.render.numbers import figure
from harness.reports.render.plots.labels import label_ends
from harness.reports.render.plots.looks import looks_of
from harness.reports.render.plots.panels import (
    draw_curves,
    faint,
    new_figure,
    set_caption,
    set_title,
)
from harness.reports.render.section import Picture
from harness.reports.runs.recorded_floors import best_floor, best_words
from harness.reports.runs.systems import Board, having, lacking

Slices = Sequence[SliceEstimate]
Curves = Mapping[str, list[Pooled]]
"""System → its value in each slice, over its seeds."""


@dataclass(frozen=True, kw_only=True)
class SliceView:
    """A number of each slice.

    name, title, unit: of the figure.
    slices: a record's numbers by slice; None or empty if it has none.
    each: the examples' values behind a slice, by its index, so that several seeds can be resampled
        together; None if records do not hold them.
    reading: how to read the curve, for the caption.
    zero: whether to draw the level 0, and what it means.
    measure: the metric, if floors may have it.
    """

    name: str
    title: str
    unit: str
    slices: Callable[[Record], Slices | None]
    each: Callable[[int], Rows] | None = None
    reading: str
    zero: str = ""
    measure: Measure | None = None

    def floor(self, board: Board) -> Record | None:
        """The best floor on the metric, if it has slices."""
        found = self.measure and best_floor(board.floors, self.measure.name)
        return found if found and self.slices(found) else None

    def curves(self, board: Board) -> Curves:
        """The curve of every system that has the view, over the seeds that have it."""
        found = {}
        for system in having(board, self.slices).systems:
            rows = [self.slices(record) or () for record in system.records]
            found[system.name] = [
                over_seeds(board, system, same, self.each(index) if self.each else None)
                for index, same in enumerate(zip(*rows, strict=True))
            ]
        return found

    def picture(self, board: Board, curves: Curves, name: str, note: str = "") -> Picture:
        """The figure of the curves, in a file called `name`; `note` ends its caption."""
        last = {
            system: next((one.value for one in reversed(curve) if one.value is not None), None)
            for system, curve in curves.items()
        }
        alt = f"{self.title} on {board.task} by position: " + "; ".join(
            f"{system} ends at {figure(value, 3)}"
            for system, value in last.items()
            if value is not None
        )
        drawing = partial(self._draw, board, curves, note)
        return Picture(f"{name}_{board.task}", self.title, drawing, alt)

    def _draw(self, board: Board, curves: Curves, note: str) -> Figure:
        # 1. Curves and axes.
        part = having(board, self.slices)
        drawing, (axes,) = new_figure(height=3.3)
        looks = looks_of(system.name for system in board.systems)
        ends = draw_curves(axes, curves, looks)
        ticks = [
            each.slice.replace("-", "–")
            + (f"\nn = {each.examples}" if each.examples is not None else "")
            for each in self.slices(part.systems[0].record) or ()
        ]
        axes.set_xticks(range(len(ticks)), ticks, parse_math=False)
        axes.set_xlabel("tokens of the reference")
        axes.set_ylabel(
            self.unit + (f"\n(dotted: {self.zero})" if self.zero else ""), parse_math=False
        )
        if self.zero:
            faint(axes, [0.0])
        floor = self.floor(board)
        if floor:
            faint(axes, [one.value for one in self.slices(floor) or ()])
        # 2. Title, caption and names.
        set_title(axes, self.title, board.task)
        over = interval_words(point for points in curves.values() for point in points)
        dotted = f"dotted: {best_words(floor)}" if floor else ""
        words = [self.unit, f"bars and bands: 95 % intervals over {over}", self.reading, dotted,
                 note, lacking(board, part)]  # fmt: skip
        set_caption(drawing, "; ".join(filter(None, words)))
        label_ends(axes, ends)
        return drawing
