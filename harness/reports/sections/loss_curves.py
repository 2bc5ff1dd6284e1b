"""Whether training converged: the loss by step, and its final value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from harness.record import Record
from harness.reports.render import plots
from harness.reports.render.document import Picture, Section
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import Board, System
from harness.reports.sections.columns import METHOD
from harness.reports.sections.cost_tables import mean_cost, training

MOST_POINTS = 12
"""Most points of a curve; steps are averaged in this many groups."""


@dataclass(frozen=True)
class Point:
    """step: the middle of its group; value, low, high: mean and range over training seeds."""

    step: float
    value: float
    low: float
    high: float


Curve = list[Point]


def training_section(boards: Sequence[Board]) -> Section:
    """A figure and a table per task; empty if no system was trained."""
    pictures, tables = [], []
    for board in boards:
        curves = {
            system.name: curve for system in board.systems if (curve := curve_of(system.records))
        }
        if curves:
            pictures.append(_picture(board, curves))
            tables.append(_table(board, curves))
    if not pictures:
        return Section("training", "Training")
    text = (
        "Did training converge? If the loss still falls at the end, train for more steps; if it"
        " starts far above the others', training started far from the backbone's abilities. The"
        " loss covers everything that a method generates, so CoT's includes its analyses.",
    )
    return Section("training", "Training", text, tuple(tables), tuple(pictures))


def losses(record: Record) -> list[float]:
    """The loss before every optimizer step; [] if the method does not train."""
    return [step.loss for step in record.training.curve] if record.training else []


def curve_of(records: Sequence[Record]) -> Curve:
    """The mean loss curve over seeds, up to the shortest; [] if a seed has no losses."""
    seeds = [losses(record) for record in records]
    steps = min(map(len, seeds))
    if not steps:
        return []
    by_seed = np.array([seed[:steps] for seed in seeds])
    points = []
    for group in np.array_split(np.arange(steps), min(steps, MOST_POINTS)):
        means = by_seed[:, group].mean(axis=1)
        points.append(
            Point(
                float(group.mean()) + 1, float(means.mean()), float(means.min()), float(means.max())
            )
        )
    return points


def _picture(board: Board, curves: dict[str, Curve]) -> Picture:
    looks = plots.looks(system.name for system in board.systems)
    drawing, (axes,) = plots.figure(height=3.3)
    ends = []
    for name, points in curves.items():
        step, value, low, high = (
            list(column)
            for column in zip(*((p.step, p.value, p.low, p.high) for p in points), strict=True)
        )
        plots.line(axes, step, value, looks[name], low, high)
        ends.append((step[-1], value[-1], name, looks[name]))
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats per token")
    plots.title(axes, "Training loss", board.task)
    most = max(len(losses(record)) for system in board.systems for record in system.records)
    grouped = f"; each point is a mean over steps, at most {MOST_POINTS} points per curve"
    seeded = any(len(system.records) > 1 for system in board.systems)
    plots.caption(
        drawing,
        "nats per trained token, before the step"
        + (grouped if most > MOST_POINTS else "")
        + ("; bands: range over training seeds" if seeded else "; one training seed per curve"),
    )
    plots.label_ends(axes, ends)
    alt = f"Training loss on {board.task}: " + "; ".join(
        f"{name} from {points[0].value:.2f} to {points[-1].value:.2f}"
        for name, points in curves.items()
    )
    return Picture(f"loss_{board.task}", "Training loss", drawing, alt)


def _table(board: Board, curves: dict[str, Curve]) -> Table:
    rows = [
        (
            system.name,
            _rate(system),
            mean_cost(system, lambda record: len(losses(record))),
            mean_cost(system, lambda record: losses(record)[0]),
            mean_cost(system, _last_tenth),
            mean_cost(system, training(lambda cost: cost.val_loss)),
        )
        for system in board.systems
        if system.name in curves
    ]
    losses_of = ("loss at the first step", "mean of the last tenth", "loss on val after training")
    columns = (
        METHOD,
        Column("learning rate", kind="short"),
        Column("optimizer steps", "", "number", 0),
        *(Column(title, "", "number", 3) for title in losses_of),
    )
    return Table(f"loss_{board.task}", f"Training loss, {board.task}", columns, tuple(rows),
                 ("Nats per trained token; means over training seeds.",))  # fmt: skip


def _rate(system: System) -> Value:
    """The peak learning rate, or all of them if `auto` chose different ones for the seeds."""
    found = sorted({record.training.lr for record in system.records if record.training})
    return found[0] if len(found) == 1 else " · ".join(f"{rate:g}" for rate in found)


def _last_tenth(record: Record) -> float:
    found = losses(record)
    return fmean(found[-max(1, len(found) // 10) :])
