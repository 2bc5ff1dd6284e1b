"""Training: targets, learning rate, steps, loss on val; resumable at each of them."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from harness.engine.checkpoint import (
    WEIGHTS,
    TrainLog,
    drop_checkpoint,
    load_weights,
    save_checkpoint,
    save_weights,
)
from harness.engine.clock import Phases, middle, now
from harness.engine.devices import place
from harness.engine.flops import missing
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TokenBudget, TrainRow, micro_batches
from harness.engine.peak_memory import PeakMemory
from harness.engine.train import plan_steps, precision, to_batch, train
from harness.errors import DivergedError, mendable
from harness.pipeline.job import Job
from harness.pipeline.kept_training import (
    PHASES,
    SEARCH,
    TRAINED,
    UNFINISHED,
    FinishedTraining,
    finished_training,
    trial_folder,
)
from harness.pipeline.needs import refuse_long_training
from harness.pipeline.trackers import Trackers
from harness.pipeline.training_costs import training_seconds, training_work
from harness.progress import Bars
from harness.record import LrSearch, Step, Training, Trial, read_state, write_state
from harness.settings import TrainSettings


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on and to evaluate on, how many targets were cut, why FLOPs are unknown."""

    rows: list[TrainRow]
    val_rows: list[TrainRow]
    cut: int
    flops_missing: str | None


@dataclass(frozen=True)
class Steps:
    """The steps of a training: passes over the data, rate, log, loss on val, estimated FLOPs."""

    epochs: float
    lr: float
    search: LrSearch | None
    log: TrainLog
    val_loss: float | None
    flops: Mapping[str, int] | None


def train_or_load(job: Job, lm: PersonalLM) -> tuple[PersonalLM, Training]:
    """`lm` after training, and the record's entry on it.

    A finished training in the run's folder is loaded; an unfinished one is resumed.
    """
    folder, say = job.plan.folder, job.bars.say
    known = finished_training(folder, say)
    if known is not None:
        load_weights(lm, folder / WEIGHTS)
        (folder / PHASES).unlink(missing_ok=True)  # an interruption may have left these
        drop_checkpoint(folder / UNFINISHED)
        return lm, known.training
    phases = Phases()
    phases.keep(folder / PHASES, say)
    with PeakMemory(job.hardware.devices) as memory:
        data = _training_data(job, lm, phases)
        steps = _train(job, lm, data, phases)
        with phases("saving"):
            weights = save_weights(lm, folder / WEIGHTS)
    trainable = sum(part.numel() for part in lm.parameters() if part.requires_grad)
    log = steps.log
    adopted = job.plan.settings.train.best_trial_trains(steps.epochs)
    seconds = training_seconds(phases.seconds, log, steps.search, adopted)
    step_s, quartiles = middle([step.seconds for step in log.curve])
    summary = Training(
        seconds=seconds,
        seconds_total=sum(seconds.values()),
        flops=steps.flops,
        flops_total=None if steps.flops is None else sum(steps.flops.values()),
        flops_missing=data.flops_missing,
        step_s=step_s,
        step_quartiles_s=quartiles,
        peak_memory_mib=memory.peak_mib,
        steps=len(log.curve),
        examples=len(data.rows),
        epochs=steps.epochs,
        target_cut=data.cut,
        tokens=log.tokens,
        response_tokens=log.response_tokens,
        tokens_per_s=log.tokens / log.seconds if log.seconds else None,
        lr=steps.lr,
        lr_search=steps.search,
        val_loss=steps.val_loss,
        trainable_parameters=trainable,
        method=dict(job.plan.method.report),
        micro_tokens=log.micro_tokens,
        curve=tuple(log.curve),
    )
    write_state(folder / TRAINED, FinishedTraining(summary, weights))
    phases.forget()
    drop_checkpoint(folder / UNFINISHED)
    return lm, summary


def _training_data(job: Job, lm: PersonalLM, phases: Phases) -> TrainingData:
    """The method's targets as rows; `phases` takes the times."""
    plan = job.plan
    with phases("targets"):
        place(lm, job.hardware.devices)
        no_flops = missing(lm)
        refuse_long_training(plan, lm)
        pairs = plan.pairs("train")
        plan.method.workspace = plan.folder
        plan.method.track = job.bars.track
        targets = plan.method.targets(lm, pairs)
        rows, cut = plan.rows(pairs, targets, plan.encoded("train"))
    with phases("val_targets"):
        held_out = plan.pairs("val")
        val_targets = plan.method.val_targets(lm, held_out)
        val_rows, _ = plan.rows(held_out, val_targets, plan.encoded("val"))
    return TrainingData(rows, val_rows, cut, no_flops)


def _train(job: Job, lm: PersonalLM, data: TrainingData, phases: Phases) -> Steps:
    """Choose the learning rate, train on `data`, evaluate on val; `phases` takes the times."""
    plan, search = job.plan, None
    settings, seed = plan.settings.train, plan.settings.seed
    lr = settings.lr
    budget = settings.model_copy(update={"epochs": plan.method.epochs(lm, data.rows)})
    if lr == "auto":
        with phases("lr_search"):
            search = search_lr(job, data, settings.best_trial_trains(budget.epochs))
            lr = search.chosen
    assert isinstance(lr, float)
    adopts = settings.best_trial_trains(budget.epochs) and (plan.folder / UNFINISHED).exists()
    with phases("steps"):
        log = train(
            lm,
            data.rows,
            budget,
            lr=lr,
            seed=seed,
            dtype=job.hardware.dtype,
            checkpoint=plan.folder / UNFINISHED,
            on_step=_step_bar(job.bars, "training", _steps(data, budget, seed), job.trackers),
            say=job.bars.say,
        )
    if adopts:  # its steps were taken in the search
        for step in log.curve:
            job.trackers.step(step)
    with phases("evaluation", whole=True):
        val_loss = mean_loss(job, lm, data.val_rows)
    flops = None
    if data.flops_missing is None:
        flops = training_work(lm, data.rows, data.val_rows, budget, seed)
        flops = {"targets": plan.method.target_flops} | flops
    return Steps(budget.epochs, lr, search, log, val_loss, flops)


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
            drop_checkpoint(trial_folder(job.plan.folder, lr))
            gc.collect()
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


def _keep_trial(job: Job, lm: PersonalLM, log: TrainLog) -> None:
    """Save a finished trial as the checkpoint from which the training goes on."""
    folder = job.plan.folder / UNFINISHED
    try:
        save_checkpoint(folder, lm, torch.optim.AdamW(lm.parameters()), log)
    except OSError as error:
        drop_checkpoint(folder)  # it is of a trial that is no longer the best
        job.bars.say(f"cannot keep the best trial: {mendable(error)}. It will be trained again")


def _trial(job: Job, data: TrainingData, lr: float) -> tuple[Trial, PersonalLM, TrainLog]:
    """A training of a new model with one learning rate; it has checkpoints of its own.

    Returns the trial, the model that it trained, and the log of its steps.
    """
    plan, say, val_loss = job.plan, job.bars.say, None
    short = plan.settings.train.model_copy(update={"epochs": plan.settings.train.lr_trial_epochs})
    steps = _steps(data, short, plan.settings.seed)
    log, show = TrainLog(), _step_bar(job.bars, f"lr {lr:g}", steps)
    begin, (lm, _) = now(), job.build()
    place(lm, job.hardware.devices)
    seconds = now() - begin

    def on_step(done: int, total: int, step: Step, so_far: TrainLog) -> None:
        nonlocal log
        log = so_far
        show(done, total, step, so_far)

    try:
        log = train(
            lm, data.rows, plan.settings.train, lr=lr, seed=plan.settings.seed,
            epochs=plan.settings.train.lr_trial_epochs, dtype=job.hardware.dtype,
            checkpoint=trial_folder(plan.folder, lr), on_step=on_step, say=say,
        )  # fmt: skip
        begin = now()
        val_loss = mean_loss(job, lm, data.val_rows)
        seconds += now() - begin
    except DivergedError as error:
        say(f"lr {lr:g} diverged: {error}")
    seconds += log.seconds + log.between_s
    curve = tuple(step.loss for step in log.curve)
    return Trial(lr=lr, val_loss=val_loss, curve=curve, seconds=seconds), lm, log


@torch.no_grad()
def mean_loss(job: Job, lm: PersonalLM, rows: list[TrainRow]) -> float | None:
    """Mean negative log-probability of the response tokens; None without rows.

    Leaves `lm` in evaluation mode. Raises DivergedError where the loss is not a number.
    """
    total, count = 0.0, 0
    lm.eval()
    budget = TokenBudget(job.plan.settings.train.micro_tokens, job.bars.say)
    for group in micro_batches(rows, budget.most):
        total -= budget.fit(group, lambda parts: _summed_logprobs(job, lm, parts))
        count += sum(len(row.response) for row in group)
    if not math.isfinite(total):
        raise DivergedError(
            f"loss on val after training: {total}; expected a number. Lower train.lr or the"
            " method's lam"
        )
    return total / count if count else None


def _summed_logprobs(job: Job, lm: PersonalLM, groups: Sequence[Sequence[TrainRow]]) -> float:
    """Sum of the log-probs of all response tokens."""
    total = 0.0
    for group in groups:
        with precision(job.hardware.devices[0], job.hardware.dtype):
            logprobs = lm.logprobs(to_batch(group))
        total += logprobs.double().sum().item()
    return total


def _steps(data: TrainingData, settings: TrainSettings, seed: int) -> int:
    """Number of optimizer steps."""
    return len(plan_steps(len(data.rows), settings.epochs, settings.batch_size, seed))


def _step_bar(
    bars: Bars, name: str, steps: int, trackers: Trackers | None = None
) -> Callable[[int, int, Step, TrainLog], None]:
    """A callback that shows each of `steps` steps, and sends it to the trackers."""
    update = bars.track(name, steps)

    def on_step(done: int, total: int, step: Step, log: TrainLog) -> None:
        rate = log.tokens / log.seconds if log.seconds else 0.0
        update(done, total, f"loss {step.loss:.3f} · {rate:,.0f} tokens/s")
        if trackers is not None:
            trackers.step(step)

    return on_step
