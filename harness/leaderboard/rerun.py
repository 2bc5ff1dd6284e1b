"""Rerun a row's method on a benchmark drawn later, with training seeds that nobody could pick."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data import load_split
from harness.errors import DataError, UsageError
from harness.leaderboard.board import Board
from harness.leaderboard.recomputed import DIGITS
from harness.leaderboard.row import FOLDERS
from harness.leaderboard.submission import Submission, Value
from harness.leaderboard.verification import Rerun
from harness.metrics import known_better
from harness.metrics.base import Metric
from harness.metrics.scoring import joined
from harness.mini import BACKBONES
from harness.pipeline.evaluate.texts import metrics_of
from harness.record import Record
from harness.settings import RunSettings, validate
from harness.settings.flat import flat, nested
from harness.settings.services import ApiSettings, TrackSettings
from harness.statistics import Array, Panel, Statistic, interval, mean_rows

if TYPE_CHECKING:
    from harness.method import Factory

NORMAL = 1.96
TRAINING = 2.0
"""Standard deviation over training seeds, in points of following: pooled over the published runs
of mini, 12 degrees of freedom (docs/leaderboard.md)."""
SEEDS = 3
"""Training seeds of a rerun, at least."""


def rerun_settings(board: Board, row: Submission, seed: int) -> RunSettings:
    """The row's settings, on a built-in benchmark drawn from `seed`.

    Task, test data, metrics, cap and sampling come from the board, trackers and servers from the
    defaults; every other setting is the row's. Raises as `refuse_rerun` does; DataError if the
    row's settings do not fit this version, or name a model or path outside the package.
    """
    refuse_rerun(board, row, seed)
    values = nested(row.run.settings)
    try:
        settings = validate(RunSettings, values, f"{row.id} run.settings")
    except UsageError as error:
        raise DataError(f"{error}\n(settings of harness {row.run.harness})") from None
    _refuse_outside(row, settings)
    # a rate that another training seed chose is chosen by the rerun's first seed
    trial_seed = None if settings.train.lr_trial_seed is None else seed
    return settings.model_copy(
        update={
            "task": board.test.task,
            "data": settings.data.model_copy(update={**board.data_rules, "mini_seed": seed}),
            "train": settings.train.model_copy(
                update={"keep_weights": False, "lr_trial_seed": trial_seed}
            ),
            "decode": settings.decode.model_copy(update=board.decoding),
            "eval": board.scoring().model_copy(update={"likelihood": False}),
            "track": TrackSettings(),
            "api": ApiSettings(),
        }
    )


def refuse_rerun(board: Board, row: Submission, seed: int) -> None:
    """Raise UsageError if no method made the row's texts, the board's data is not built in or has
    this seed, or its first metric is not one where higher is better."""
    if not board.source.built_in:
        raise UsageError(
            f"--rerun: board {board.place} is on {board.data} data, which cannot be drawn"
            " again; a rerun needs the built-in benchmark"
        )
    if seed == board.mini_seed:
        raise UsageError(f"--rerun {seed}: that is the board's own seed; give another")
    if known_better(board.ranked_by) != "higher":
        raise UsageError(
            f"--rerun: board {board.place} is ranked by {board.ranked_by}, of which a higher value"
            " is not known to be better; a rerun asks whether a claim is too high"
        )
    if row.kind == "scored":
        raise UsageError(f"--rerun: the texts of {row.id} were made elsewhere, by no method here")


def _refuse_outside(row: Submission, settings: RunSettings) -> None:
    """Raise DataError if a setting that a rerun takes from the row leads outside the package."""
    model = settings.model
    for name in (model.backbone, model.reasoner, model.base, settings.retrieval.dense_model):
        if name not in (None, *BACKBONES):
            raise DataError(
                f"{row.id}: run.settings name {name!r}; a rerun loads {', '.join(BACKBONES)}"
            )
    for key, value in flat(settings.model_dump(include={"retrieval", "model", "method"})):
        for each in value if isinstance(value, list | tuple) else (value,):
            if isinstance(each, str) and FOLDERS.search(each):
                raise DataError(
                    f"{row.id}: run.settings {key} is the path {each!r}, which a rerun cannot use;"
                    " expected a value without folders"
                )


def rerun(
    board: Board, row: Submission, seed: int, results: Path, factory: Factory, seeds: int = SEEDS
) -> Rerun:
    """The row's method run again, with several training seeds.

    board, row: the board and the submission.
    seed: draws the new benchmark; training seeds are `seed`, `seed` + 1, …
    results: folder for the runs.
    factory: the row's method.
    seeds: training seeds of a method that trains; another runs once.

    Only the board's first metric counts: the row's claim may exceed the rerun's mean by at most
    `tolerance_of` the two. Raises HarnessError if a run fails.
    """
    from harness.pipeline.single import run

    settings = rerun_settings(board, row, seed)
    name, claimed = board.ranked_by, row.metrics[board.ranked_by]
    # 1. One run for each training seed
    records: list[Record] = []
    while len(records) < (seeds if not records or records[0].training else 1):
        one = settings.model_copy(update={"seed": seed + len(records)})
        records.append(run(one, row.method, results, factory=factory).record)
    values = [record.metrics[name].value for record in records]
    if claimed.value is None or None in values:
        raise DataError(f"{row.id}: {name} has no value to compare")
    # 2. Their mean, with its error from users and training
    test = load_split(settings, "test")
    panel = Panel.of(test)
    metric = next(each for each in metrics_of(test, settings.eval) if each.name == name)
    statistic, by_seed = _rows(metric, records)
    trains = records[0].training is not None
    found, of_users = (interval(statistic, by_seed, panel, counts) for counts in (trains, False))
    sums = panel.by_user(by_seed)
    without = statistic.value(sums.sum(axis=1, keepdims=True) - sums).mean(axis=0)
    assert found.value is not None
    users = Value(value=of_users.value, low=of_users.low, high=of_users.high)
    return Rerun(
        seed=seed,
        seeds=tuple(record.seed for record in records),
        trains=trains,
        metric=name,
        claimed=claimed.value,
        each=tuple(round(value, DIGITS) for value in values if value is not None),
        found=round(found.value, DIGITS),
        low=found.low,
        high=found.high,
        tolerance=round(tolerance_of(claimed, users, len(records) if trains else None), DIGITS),
        without=tuple(round(float(value), DIGITS) for value in without),
    )


def _rows(metric: Metric, records: Sequence[Record]) -> tuple[Statistic, Array]:
    """A metric's statistic, and its rows [S,N,K] from the records of S training seeds."""
    examples = [list(record.examples.values()) for record in records]
    if metric.mean:
        of_seeds = [mean_rows([each.scores[metric.name] for each in own]) for own in examples]
        return metric.statistic, np.stack(of_seeds)
    samples = np.array([[each.rows[metric.name] for each in own] for own in examples], np.float64)
    found = [joined(metric.statistic, np.moveaxis(own, 1, 0)) for own in samples]
    return found[0][0], np.stack([rows for _, rows in found])


def tolerance_of(claimed: Value, found: Value, seeds: int | None) -> float:
    """Half-width of the 95 % interval of the difference of two independent test sets, in points.

    claimed, found: with intervals over users.
    seeds: training seeds of the rerun; None: the method does not train.

    Adds in quadrature the standard errors of both intervals and, for a method that trains, of the
    claimed training and of the rerun's mean, because intervals over users describe checkpoints.
    """
    errors = []
    for value in (claimed, found):
        if value.low is None or value.high is None:
            raise DataError("a rerun needs intervals; with one user there is none")
        errors.append((value.high - value.low) / (2 * NORMAL))
    training = [TRAINING, TRAINING / sqrt(seeds)] if seeds else []
    return NORMAL * hypot(*errors, *training)
