"""Whether training converged: the loss by step, and its final value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure

from harness.record import Record
from harness.reports.compared.verdicts import Compared
from harness.reports.render.plots.labels import label_ends
from harness.reports.render.plots.looks import looks_of
from harness.reports.render.plots.panels import line, new_figure, set_caption, set_title
from harness.reports.render.section import Part, Picture
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.system_costs import training
from harness.reports.runs.systems import Board, System
from harness.reports.sections.system_columns import mean, of_systems

MOST_POINTS = 12
"""Most points of a curve; steps are averaged in this many groups."""
Curve = tuple[list[float], list[Cell]]
"""Steps (the middle of each group), and the loss: mean and range over training seeds."""


def training_part(compared: Compared) -> Part:
    """A figure and a table; empty if no system was trained."""
    board = compared.board
    curves = {one.name: curve for one in board.systems if (curve := curve_of(one.records))}
    if not curves:
        return Part()
    return Part((), (_picture(board, curves),), (_table(board, curves),))


def losses(record: Record) -> list[float]:
    """The loss before every optimizer step; [] if the method does not train."""
    return [step.loss for step in record.training.curve] if record.training else []


def curve_of(records: Sequence[Record]) -> Curve | None:
    """The mean loss curve over seeds, up to the shortest; None if a seed has no losses."""
    seeds = [losses(record) for record in records]
    steps = min(map(len, seeds))
    if not steps:
        return None
    by_seed = np.array([seed[:steps] for seed in seeds])
    groups = np.array_split(np.arange(steps), min(steps, MOST_POINTS))
    means = [by_seed[:, group].mean(axis=1) for group in groups]
    points = [Cell(float(one.mean()), float(one.min()), float(one.max())) for one in means]
    return [float(group.mean()) + 1 for group in groups], points


def _picture(board: Board, curves: Mapping[str, Curve]) -> Picture:
    alt = f"Training loss on {board.task}: " + "; ".join(
        f"{name} from {points[0].value:.2f} to {points[-1].value:.2f}"
        for name, (_, points) in curves.items()
    )
    return Picture(f"loss_{board.task}", "Training loss", partial(_draw, board, curves), alt)


def _draw(board: Board, curves: Mapping[str, Curve]) -> Figure:
    looks = looks_of(system.name for system in board.systems)
    drawing, (axes,) = new_figure(height=3.3)
    ends = [
        end
        for name, (steps, points) in curves.items()
        for end in line(axes, steps, points, looks[name])
    ]
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats per token")
    set_title(axes, "Training loss", board.task)
    words = ["nats per trained token, before the step"]
    if max(len(losses(record)) for record in board.records) > MOST_POINTS:
        words.append(f"each point is a mean over steps, at most {MOST_POINTS} points per curve")
    seeded = any(len(system.runs) > 1 for system in board.systems)
    words.append("bands: range over training seeds" if seeded else "one training seed per curve")
    set_caption(drawing, "; ".join(words))
    label_ends(axes, ends)
    return drawing


def _table(board: Board, curves: Mapping[str, Curve]) -> Table:
    def nats(title: str) -> Column:
        return Column(title, "", "number", 3)

    columns = (
        (Column("learning rate", kind="short"), _rate),
        mean(Column("optimizer steps", "", "number", 0), lambda record: len(losses(record))),
        mean(nats("loss at the first step"), lambda record: losses(record)[0]),
        mean(nats("mean of the last tenth"), last_tenth),
        mean(nats("loss on val after training"), training(lambda cost: cost.val_loss)),
    )
    notes = ("Nats per trained token; means over training seeds.",)
    table = Table(f"loss_{board.task}", f"Training loss, {board.task}", notes=notes)
    return of_systems(table, [one for one in board.systems if one.name in curves], columns)


def _rate(system: System) -> Value:
    """The peak learning rate, or all of them if `auto` chose different ones for the seeds."""
    found = sorted({record.training.lr for record in system.records if record.training})
    return found[0] if len(found) == 1 else " · ".join(f"{rate:g}" for rate in found)


def last_tenth(record: Record) -> float:
    """The mean loss of the last tenth of the steps, at least one."""
    found = losses(record)
    return fmean(found[-max(1, len(found) // 10) :])
