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
    search: LrSearch | None = None,
    adopted: bool = False,
) -> dict[str, int]:
    """Estimated FLOPs of the training by phase, however often it was interrupted.

    lm: the model.
    rows, val_rows: what it is trained on, and evaluated on.
    settings: of training, with the epochs that were used.
    seed: of the order of rows.
    search: the learning-rate trials. One that diverged counts as far as it came.
    adopted: whether the best trial was the training; its steps then do not count in `lr_search`.
    """

    def steps(epochs: float) -> list[int]:
        order, work = plan_steps(len(rows), epochs, settings.batch_size, seed), []
        for number, step in enumerate(order):
            done = number / len(order)
            lm.training_progress(done)
            work.append(training_flops(lm, [rows[index].at(done) for index in step]))
        lm.training_progress(1.0)
        return work

    evaluation, searched = forward_flops(lm, val_rows), 0
    if search is not None:
        short = steps(settings.lr_trial_epochs)
        for trial in search.trials:
            taken = len(trial.curve)
            if not (adopted and trial.lr == search.chosen):
                searched += sum(short[: taken + 1])  # a step that diverged is not in the curve
            searched += (taken == len(short)) * evaluation
    return {
        "lr_search": searched,
        "steps": sum(steps(settings.epochs)),
        "evaluation": evaluation,
    }
