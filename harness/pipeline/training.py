"""Training: targets, learning rate, steps, loss on val; resumable at each of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch

from harness.engine.adapter_folders import save_adapters
from harness.engine.adapters import adapter_info
from harness.engine.checkpoint import TrainLog, drop_checkpoint
from harness.engine.clock import Phases, middle
from harness.engine.flops import missing
from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import PeakMemory
from harness.engine.weight_files import WEIGHTS, load_weights, save_weights
from harness.pipeline.job import MAIN, Job
from harness.pipeline.kept_training import (
    ADAPTERS,
    PHASES,
    TRAINED,
    UNFINISHED,
    FinishedTraining,
    finished_training,
    steps_kept,
)
from harness.pipeline.lr_search import chosen_by_another_seed, search_lr
from harness.pipeline.needs import refuse_long_training
from harness.pipeline.together import (
    keep_data,
    loss_on_val,
    method_rounds,
    ready_to_train,
    round_weights,
    share_weights,
    train_model,
)
from harness.pipeline.training_costs import training_seconds, training_work
from harness.pipeline.training_steps import TrainingData, step_bar, steps_of
from harness.record import LrSearch, Training, write_state
from harness.settings import TrainSettings


@dataclass(frozen=True)
class Steps:
    """The steps of a training: settings with the passes over the data, rate, search and log."""

    settings: TrainSettings
    lr: float
    search: LrSearch | None
    log: TrainLog


@dataclass(frozen=True)
class Evaluated:
    """What follows the steps: loss on val, and estimated FLOPs of the whole training."""

    val_loss: float | None
    flops: Mapping[str, int] | None


def train_or_load(job: Job, lm: PersonalLM) -> tuple[PersonalLM, Training]:
    """`lm` after training, and the record's entry on it.

    A finished training in the run's folder is loaded; an unfinished one is resumed.
    """
    folder, say = job.plan.folder, job.bars.say
    known = finished_training(folder, say)
    if known is not None:
        _load(job, lm)
        return lm, known.training
    phases = Phases()
    with ExitStack() as after_steps:
        with PeakMemory(job.hardware.devices) as memory:
            phases.keep(folder / PHASES, say, lambda: memory.peak_mib)
            data = _training_data(job, lm, phases)
            steps = _take_steps(job, lm, data, phases)
            after_steps.enter_context(steps_kept(folder / UNFINISHED, lm, steps.log, say))
            evaluated = _evaluate(job, lm, data, steps, phases)
            job.everywhere(share_weights, MAIN)
            with phases("saving", whole=True):
                weights = save_weights(lm, folder / WEIGHTS, _kept_as(job))
                save_adapters(lm, folder / ADAPTERS)
        summary = _summary(job, lm, data, steps, evaluated, phases)
        write_state(folder / TRAINED, FinishedTraining(summary, weights))
    phases.forget()
    drop_checkpoint(folder / UNFINISHED)
    return lm, summary


def _load(job: Job, lm: PersonalLM) -> None:
    """Load the weights of a finished training, and remove what an interruption left."""
    folder = job.plan.folder
    load_weights(lm, folder / WEIGHTS)
    job.everywhere(share_weights, MAIN)
    if not (folder / ADAPTERS).exists():
        save_adapters(lm, folder / ADAPTERS)
    (folder / PHASES).unlink(missing_ok=True)
    drop_checkpoint(folder / UNFINISHED)


def _training_data(job: Job, lm: PersonalLM, phases: Phases) -> TrainingData:
    """The method's targets as rows; `phases` takes the times."""
    plan = job.plan
    with phases("targets"):
        job.everywhere(ready_to_train, MAIN)
        no_flops = missing(lm)
        refuse_long_training(plan, lm, "train")
    with phases("val_targets"):  # the prompts too; refused before the targets of training are made
        refuse_long_training(plan, lm, "val")
    with phases("targets"):
        pairs = plan.pairs("train")
        plan.method.workspace = plan.folder
        plan.method.track = job.bars.track
        plan.method.rows_of = plan.rows_of
        if job.team.ranks.count > 1:
            plan.method.rounds = partial(method_rounds, job)
        targets = plan.method.targets(lm, pairs)
        rows, cut = plan.rows(pairs, targets, plan.encoded("train"))
    with phases("val_targets"):
        held_out = plan.pairs("val")
        val_targets = plan.method.val_targets(lm, held_out)
        val_rows, _ = plan.rows(held_out, val_targets, plan.encoded("val"))
    data = TrainingData(rows, val_rows, cut, no_flops)
    job.everywhere(keep_data, data)
    return data


def _take_steps(job: Job, lm: PersonalLM, data: TrainingData, phases: Phases) -> Steps:
    """Choose the learning rate and train on `data`; `phases` takes the times."""
    plan, search = job.plan, None
    settings, seed = plan.settings.train, plan.settings.seed
    lr = settings.lr
    budget = settings.model_copy(update={"epochs": plan.method.epochs(lm, data.rows)})
    if lr == "auto":
        with phases("lr_search"):
            if (taken := chosen_by_another_seed(plan)) is not None:
                lr = taken
            else:
                search = search_lr(job, data, settings.best_trial_trains(budget.epochs, seed))
                lr = search.chosen
    assert isinstance(lr, float)
    with phases("steps"):
        log = job.everywhere(
            train_model, MAIN, lr, budget, plan.folder / UNFINISHED,
            on_step=step_bar(job.bars, "training", steps_of(data, budget, seed), job.trackers),
        )  # fmt: skip
    if log.of_trial:  # its steps were taken in the search
        for step in log.curve:
            job.trackers.step(step)
    return Steps(budget, lr, search, log)


def _evaluate(
    job: Job, lm: PersonalLM, data: TrainingData, steps: Steps, phases: Phases
) -> Evaluated:
    """Evaluate on val what is saved, and count FLOPs; `phases` takes the times."""
    if _kept_as(job) is not torch.float32:
        # all that follows is of what is saved
        job.everywhere(round_weights, MAIN, _kept_as(job))
    with phases("evaluation", whole=True):
        val_loss = job.everywhere(loss_on_val, MAIN)
    flops = None
    if data.flops_missing is None:
        seed = job.plan.settings.seed
        rows, of_trial = (data.rows, data.val_rows), steps.log.of_trial
        flops = training_work(lm, *rows, steps.settings, seed, steps.search, of_trial)
        flops = {"targets": job.plan.method.target_flops} | flops
    return Evaluated(val_loss, flops)


def _summary(
    job: Job,
    lm: PersonalLM,
    data: TrainingData,
    steps: Steps,
    evaluated: Evaluated,
    phases: Phases,
) -> Training:
    """The record's entry on a training.

    job, lm, data: of the training.
    steps, evaluated: what came of it.
    phases: seconds of each phase, and the most memory; unknown where some were lost.
    """
    settings, log, flops = job.plan.settings, steps.log, evaluated.flops
    timed = {} if phases.lost else phases.seconds
    seconds = training_seconds(timed, log, steps.search, log.of_trial)
    step_s, quartiles = middle([step.seconds for step in log.curve])
    return Training(
        seconds=seconds,
        seconds_total=None if phases.lost else sum(seconds.values()),
        flops=flops,
        flops_total=None if flops is None else sum(flops.values()),
        flops_missing=data.flops_missing,
        step_s=step_s,
        step_quartiles_s=quartiles,
        peak_memory_mib=None if phases.lost else phases.peak_mib,
        steps=len(log.curve),
        examples=len(data.rows),
        epochs=steps.settings.epochs,
        target_cut=data.cut,
        tokens=log.tokens,
        response_tokens=log.response_tokens,
        tokens_per_s=log.tokens / log.seconds if log.seconds else None,
        lr=steps.lr,
        lr_search=steps.search,
        val_loss=evaluated.val_loss,
        trainable_parameters=sum(p.numel() for p in lm.parameters() if p.requires_grad),
        method=dict(job.plan.method.report),
        micro_tokens=log.micro_tokens,
        adapter=adapter_info(lm, settings.model),
        curve=tuple(log.curve),
    )


def _kept_as(job: Job) -> torch.dtype:
    """The number type in which the trained weights are kept."""
    kept: torch.dtype = getattr(torch, job.plan.settings.train.weights)
    return kept
