"""Run a row's method again on a benchmark of another seed: references it cannot have trained on."""

from __future__ import annotations

from math import hypot
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.leaderboard.board import Board
from harness.leaderboard.mark import Mark, Rerun
from harness.leaderboard.schema import Submission, Value
from harness.leaderboard.scores import board_data
from harness.mini import BACKBONES
from harness.settings import RunSettings, validate
from harness.settings.flat import nested

NORMAL = 1.96
TRAINING = 2.0
"""Standard deviation over trainings, in points of following: pooled over six settings of sft and
FlyThinker with three training seeds each, 12 degrees of freedom (docs/leaderboard.md)."""


def rerun_settings(board: Board, row: Submission, seed: int) -> RunSettings:
    """The row's own settings with all of the built-in benchmark drawn from `seed`.

    What could reach beyond the package – data, metrics, models – comes from the board or is
    refused; cap and sampling are the board's. Raises UsageError where the board is not built in
    or the seed is the board's own, DataError where the row's settings are not ones of this version
    or name another model.
    """
    if board.data != "mini":
        raise UsageError(
            f"--rerun: board {board.place} is on {board.data} data, of which there is only one"
            " draw; it works on the built-in benchmark"
        )
    if seed == board.mini_seed:
        raise UsageError(f"--rerun {seed}: that is the board's own draw; name another seed")
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
    train = settings.train.model_copy(update={"keep_weights": False})
    return settings.model_copy(
        update={
            "task": board.test.task,
            "data": board_data(board, None).model_copy(update={"mini_seed": seed}),
            "train": train,
            "decode": settings.decode.model_copy(update=board.decoding),
            "eval": board.scoring().model_copy(update={"likelihood": False}),
        }
    )


def rerun(
    board: Board, row: Submission, mark: Mark, seed: int, results: Path, factory: Any
) -> Mark:
    """`mark` with what the method gave on the benchmark of `seed`: rerun, or not reproduced.

    Only the board's first metric decides, and only downwards: a row may not claim more than
    the rerun shows plus `tolerance_of` the two. Raises HarnessError where the run fails.
    """
    from harness.run.single import run

    settings = rerun_settings(board, row, seed)
    record = run(settings, row.method, results, factory=factory).record
    name = board.ranked_by
    score = record.metrics[name]
    found = Value(value=score.value, low=score.low, high=score.high)
    claimed = row.metrics[name]
    if found.value is None or claimed.value is None:
        raise DataError(f"{row.id}: {name} has no value to compare")
    tolerance = tolerance_of(claimed, found, trains=record.training is not None)
    holds = claimed.value - found.value <= tolerance
    return mark.model_copy(
        update={
            "status": "rerun" if holds else "not reproduced",
            "rerun": Rerun(
                seed=seed,
                metric=name,
                claimed=claimed.value,
                found=found.value,
                low=found.low,
                high=found.high,
                tolerance=round(tolerance, 4),
            ),
        }
    )


def tolerance_of(claimed: Value, found: Value, *, trains: bool) -> float:
    """Half the 95 % interval of the difference of two independent test sets, in points.

    Standard errors from the two intervals, added in quadrature; for a method that trains, that of
    either training too: intervals are over users, and know one checkpoint only.
    """
    errors = []
    for one in (claimed, found):
        if one.low is None or one.high is None:
            raise DataError("a rerun needs intervals; with one user there is none")
        errors.append((one.high - one.low) / (2 * NORMAL))
    return NORMAL * hypot(*errors, *([TRAINING, TRAINING] if trains else []))
