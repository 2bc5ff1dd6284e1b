"""The search of a learning rate: a training with each rate of a grid, from the same start."""

from __future__ import annotations

import gc
import math
from dataclasses import replace

from harness.engine.checkpoint import TrainLog, drop_checkpoint
from harness.engine.clock import now
from harness.engine.lm import PersonalLM
from harness.errors import DivergedError, UsageError, mendable
from harness.inputs.stale import OLD, chooser, listed, since
from harness.pipeline.job import Job
from harness.pipeline.kept_training import (
    SEARCH,
    UNFINISHED,
    save_steps,
    steps_kept,
    trial_folder,
)
from harness.pipeline.plan import Plan
from harness.pipeline.together import build, forget, loss_on_val, ready_to_train, train_model
from harness.pipeline.training_steps import TrainingData, step_bar, steps_of
from harness.record import LrSearch, Step, Trial, read_state, record_there, write_state

TRIAL = "trial"
"""Name of a trial's model."""


def search_lr(job: Job, data: TrainingData, keep: bool = False) -> LrSearch:
    """Train from the same start with each rate of the grid; the lowest loss on val is chosen.

    Trials already on disk are not repeated. A diverged trial has no loss and is never chosen.

    keep: leave the best trial as a checkpoint of the training, which then has nothing left to do.

    Raises DivergedError if all trials diverged.
    """
    settings, path = job.plan.settings.train, job.plan.folder / SEARCH
    trials = read_state(dict[str, Trial], path, job.bars.say) or {}
    for lr in settings.lr_grid:
        if repr(lr) not in trials:
            trial, lm, log = _trial(job, data, lr)
            lowest = min(
                (t.val_loss for t in trials.values() if t.val_loss is not None), default=math.inf
            )
            if keep and trial.val_loss is not None and trial.val_loss < lowest:
                _keep_trial(job, lm, log)
            trials[repr(lr)] = trial
            write_state(path, trials)
            del lm
            gc.collect()
        drop_checkpoint(trial_folder(job.plan.folder, lr))  # a kill can have left it
    finished = [
        (trial.val_loss, index, trial.lr)
        for index, trial in enumerate(trials.values())
        if trial.val_loss is not None
    ]
    if not finished:
        raise DivergedError(
            f"train.lr = auto: every rate of {settings.lr_grid} diverged; expected one that trains."
            " Lower train.lr_grid or the method's lam"
        )
    return LrSearch(chosen=min(finished)[2], trials=tuple(trials.values()))


def chosen_by_another_seed(plan: Plan) -> float | None:
    """The rate that the run with seed `train.lr_trial_seed` chose, read from its record.

    plan: of a run; None if it chooses its own rate, or has one.

    Raises UsageError if that run has no record yet, or one with other inputs than this run's.
    """
    folder = chooser(plan.settings, plan.folder)
    if folder is None:
        return None
    record = record_there(folder)
    if record is not None and record.training is not None:
        rerun = since(record, plan.inputs).rerun if record.inputs else None
        if rerun == ():
            return record.training.lr
        found, why = "an outdated", f" ({OLD if rerun is None else listed(rerun)})"
    else:
        found, why = "no finished", ""
    seed, own = plan.settings.train.lr_trial_seed, plan.settings.seed
    raise UsageError(
        f"train.lr_trial_seed = {seed}: found {found} run of seed {seed} in {folder}{why}, whose"
        f" learning rate seed {own} takes; expected one with the inputs of this run."
        f" Run seed {seed} first, e.g. with --seeds {seed},{own}"
    )


def _keep_trial(job: Job, lm: PersonalLM, log: TrainLog) -> None:
    """Save a finished trial as the checkpoint from which the training goes on."""
    folder = job.plan.folder / UNFINISHED
    try:
        save_steps(folder, lm, replace(log, of_trial=True))
    except OSError as error:
        drop_checkpoint(folder)  # it is of a trial that is no longer the best
        job.bars.say(f"cannot keep the best trial: {mendable(error)}. It will be trained again")


def _trial(job: Job, data: TrainingData, lr: float) -> tuple[Trial, PersonalLM, TrainLog]:
    """A training of a new model with one learning rate; it has checkpoints of its own.

    Returns the trial, the model that it trained, and the log of its steps.
    """
    plan, say, val_loss = job.plan, job.bars.say, None
    short = plan.settings.train.model_copy(update={"epochs": plan.settings.train.lr_trial_epochs})
    steps = steps_of(data, short, plan.settings.seed)
    log, show = TrainLog(), step_bar(job.bars, f"lr {lr:g}", steps)
    checkpoint = trial_folder(plan.folder, lr)
    begin, (lm, _) = now(), job.everywhere(build, TRIAL, job.hardware.types)
    job.everywhere(ready_to_train, TRIAL)
    seconds = now() - begin

    def on_step(done: int, total: int, step: Step, so_far: TrainLog) -> None:
        nonlocal log
        log = so_far
        show(done, total, step, so_far)

    try:
        log = job.everywhere(train_model, TRIAL, lr, short, checkpoint, on_step=on_step)
        begin = now()
        with steps_kept(checkpoint, lm, log, say):
            val_loss = job.everywhere(loss_on_val, TRIAL)
        seconds += now() - begin
    except DivergedError as error:
        say(f"lr {lr:g} diverged: {error}")
    seconds += log.seconds + log.between_s
    job.everywhere(forget, TRIAL)
    curve = tuple(step.loss for step in log.curve)
    return Trial(lr=lr, val_loss=val_loss, curve=curve, seconds=seconds), lm, log
