"""Rerun a row's method on a benchmark of another seed, with references it cannot have seen."""

from __future__ import annotations

from collections.abc import Callable
from math import hypot
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import DataError, UsageError
from harness.leaderboard.board import Board
from harness.leaderboard.submission import Submission, Value
from harness.leaderboard.verification import Rerun
from harness.mini import BACKBONES
from harness.settings import RunSettings, validate
from harness.settings.flat import nested

if TYPE_CHECKING:
    from harness.method import Method

    Factory = Callable[[RunSettings], Method]

NORMAL = 1.96
TRAINING = 2.0
"""Standard deviation over training seeds, in points of following: pooled over six settings of sft
and FlyThinker with three seeds each, 12 degrees of freedom (docs/leaderboard.md)."""


def rerun_settings(board: Board, row: Submission, seed: int) -> RunSettings:
    """The row's settings, on a built-in benchmark drawn from `seed`.

    Data, metrics, cap and sampling come from the board; models outside the package are refused.
    Raises UsageError if the board's data is not built in or has this seed; DataError if the row's
    settings do not fit this version or name another model.
    """
    if not board.source.built_in:
        raise UsageError(
            f"--rerun: board {board.place} is on {board.data} data, which cannot be drawn"
            " again; a rerun needs the built-in benchmark"
        )
    if seed == board.mini_seed:
        raise UsageError(f"--rerun {seed}: that is the board's own seed; give another")
    if row.kind == "scored":
        raise UsageError(f"--rerun: the texts of {row.id} were made elsewhere, by no method here")
    values = nested(row.run.settings)
    try:
        settings = validate(RunSettings, values, f"{row.id} run.settings")
    except UsageError as error:
        raise DataError(f"{error}\n(settings of harness {row.run.harness})") from None
    for name in (settings.model.backbone, settings.model.reasoner, settings.retrieval.dense_model):
        if name not in (None, *BACKBONES):
            raise DataError(
                f"{row.id}: run.settings name {name!r}; a rerun loads {', '.join(BACKBONES)}"
            )
    return settings.model_copy(
        update={
            "task": board.test.task,
            "data": board.data_settings().model_copy(update={"mini_seed": seed}),
            "train": settings.train.model_copy(update={"keep_weights": False}),
            "decode": settings.decode.model_copy(update=board.decoding),
            "eval": board.scoring().model_copy(update={"likelihood": False}),
        }
    )


def rerun(board: Board, row: Submission, seed: int, results: Path, factory: Factory) -> Rerun:
    """The row's method run again.

    board, row: the board and the submission.
    seed: draws the new benchmark.
    results: folder for the run.
    factory: the row's method.

    Only the board's first metric counts: the row's claim may exceed the rerun by at most
    `tolerance_of` the two. Raises HarnessError if the run fails.
    """
    from harness.pipeline.single import run

    settings = rerun_settings(board, row, seed)
    record = run(settings, row.method, results, factory=factory).record
    name = board.ranked_by
    found, claimed = Value.of(record.metrics[name]), row.metrics[name]
    if found.value is None or claimed.value is None:
        raise DataError(f"{row.id}: {name} has no value to compare")
    tolerance = tolerance_of(claimed, found, trains=record.training is not None)
    return Rerun(
        seed=seed,
        metric=name,
        claimed=claimed.value,
        found=found.value,
        low=found.low,
        high=found.high,
        tolerance=round(tolerance, 4),
    )


def tolerance_of(claimed: Value, found: Value, *, trains: bool) -> float:
    """Half-width of the 95 % interval of the difference of two independent test sets, in points.

    Adds in quadrature the standard errors of both intervals and, for a method that trains, of both
    trainings, because intervals over users describe one checkpoint only.
    """
    errors = []
    for value in (claimed, found):
        if value.low is None or value.high is None:
            raise DataError("a rerun needs intervals; with one user there is none")
        errors.append((value.high - value.low) / (2 * NORMAL))
    return NORMAL * hypot(*errors, *([TRAINING, TRAINING] if trains else []))
