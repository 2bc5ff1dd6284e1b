"""What a training cost, by phase: wall seconds across resumed runs, and estimated FLOPs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.engine.checkpoint import TrainLog
from harness.engine.flops import forward_flops, training_flops
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TrainRow
from harness.engine.schedule import plan_steps
from harness.record import LrSearch
from harness.settings import TrainSettings


def training_seconds(
    phases: Mapping[str, float], log: TrainLog, search: LrSearch | None, adopted: bool = False
) -> dict[str, float]:
    """Wall seconds by phase, across resumed runs.

    phases: seconds of each phase, as measured.
    log: the steps that were kept; their seconds are those of `steps`.
    search: the learning-rate trials that were kept.
    adopted: whether `log` is that of the best trial; its steps then do not count in `lr_search`.

    `between_steps` is the rest of the training: setting up the optimizer, checkpoints, progress
    bars. Steps that an interruption lost count nowhere.
    """
    seconds = {**phases, "steps": log.seconds, "between_steps": log.between_s}
    if search is not None:
        trials = sum(trial.seconds for trial in search.trials)
        seconds["lr_search"] = max(0.0, trials - adopted * (log.seconds + log.between_s))
    return seconds


def training_work(
    lm: PersonalLM,
    rows: Sequence[TrainRow],
    val_rows: Sequence[TrainRow],
    settings: TrainSettings,
    seed: int,
    adopted: bool = False,
) -> dict[str, int]:
    """Estimated FLOPs of the training by phase, however often it was interrupted.

    lm: the model.
    rows, val_rows: what it is trained on, and evaluated on.
    settings: of training, with the epochs that were used.
    seed: of the order of rows.
    adopted: whether the best trial was the training; its steps then do not count in `lr_search`.
    """

    def steps(epochs: float) -> int:
        order, total = plan_steps(len(rows), epochs, settings.batch_size, seed), 0
        for number, step in enumerate(order):
            done = number / len(order)
            lm.training_progress(done)
            total += training_flops(lm, [rows[index].at(done) for index in step])
        lm.training_progress(1.0)
        return total

    evaluation, trials = forward_flops(lm, val_rows), settings.trials(seed)
    trained = trials - adopted
    return {
        "lr_search": (trained and trained * steps(settings.lr_trial_epochs)) + trials * evaluation,
        "steps": steps(settings.epochs),
        "evaluation": evaluation,
    }
