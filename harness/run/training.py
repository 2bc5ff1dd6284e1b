"""Training: targets, learning rate, steps, loss on val; resumable at each of them."""

from __future__ import annotations

import dataclasses
import gc
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from harness.engine.checkpoint import WEIGHTS, drop_checkpoint, load_weights, save_weights
from harness.engine.clock import Phases, middle, now
from harness.engine.devices import place
from harness.engine.flops import missing
from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import PeakMemory
from harness.engine.train import TrainRow, micro_batches, precision, to_batch, train
from harness.engine.train_log import TrainLog
from harness.errors import DivergedError
from harness.inputs import provenance
from harness.progress import Bars
from harness.record import DeviceInfo, LrSearch, Step, Training, Trial, write_json
from harness.record.reading import from_json
from harness.run.needs import refuse_long_training
from harness.run.plan import Plan
from harness.run.training_costs import training_seconds, training_work
from harness.settings import TrainSettings

TRAINED, UNFINISHED, SEARCH = "training.json", "checkpoint", "lr.json"
PHASES = "training-phases.json"


@dataclass(frozen=True)
class Hardware:
    """Devices (the generator's first) and the number type of activations."""

    devices: list[torch.device]
    dtype: torch.dtype

    def machine(self) -> DeviceInfo:
        """The machine, which wall times depend on."""
        number = str(self.dtype).removeprefix("torch.")
        return provenance.machine(",".join(map(str, self.devices)), number)


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on and to evaluate on, how many targets were cut, why FLOPs are unknown."""

    rows: list[TrainRow]
    val_rows: list[TrainRow]
    cut: int
    flops_missing: str | None


@dataclass(frozen=True)
class Steps:
    """The steps of a training: settings with the epochs used, rate, log, and loss on val."""

    settings: TrainSettings
    lr: float
    search: LrSearch | None
    log: TrainLog
    val_loss: float | None


def train_or_load(
    plan: Plan, lm: PersonalLM, build: Callable[[], PersonalLM], hardware: Hardware, bars: Bars
) -> tuple[PersonalLM, Training]:
    """`lm` after training, and the record's entry on it.

    plan: the run.
    lm: the model before training.
    build: gives another one like it, for learning-rate trials.
    hardware: where it is trained.
    bars: progress and messages.

    A finished training in the run's folder is loaded; an unfinished one is resumed.
    """
    finished, weights = plan.folder / TRAINED, plan.folder / WEIGHTS
    if finished.is_file() and weights.is_file():
        load_weights(lm, weights)
        (plan.folder / PHASES).unlink(missing_ok=True)  # an interruption may have left these
        drop_checkpoint(plan.folder / UNFINISHED)
        return lm, from_json(Training, finished.read_text(encoding="utf-8"), str(finished))
    phases = Phases()
    phases.keep(plan.folder / PHASES)
    with PeakMemory(hardware.devices) as memory:
        data = _training_data(plan, lm, hardware, phases, bars)
        steps = _train(plan, lm, build, data, hardware, phases, bars)
        with phases("saving"):
            save_weights(lm, weights)
    summary = _summary(plan, lm, data, steps, phases, memory.peak_mib)
    write_json(finished, dataclasses.asdict(summary))
    phases.forget()
    drop_checkpoint(plan.folder / UNFINISHED)
    return lm, summary


def _training_data(
    plan: Plan, lm: PersonalLM, hardware: Hardware, phases: Phases, bars: Bars
) -> TrainingData:
    """The method's targets as rows; `phases` takes the times. See `train_or_load`."""
    with phases("targets"):
        place(lm, hardware.devices)
        no_flops = missing(lm)
        refuse_long_training(plan, lm)
        pairs = plan.pairs("train")
        plan.method.workspace = plan.folder
        plan.method.track = bars.track
        targets = plan.method.targets(lm, pairs)
        rows, cut = plan.rows(pairs, targets, plan.encoded("train"))
    with phases("val_targets"):
        held_out = plan.pairs("val")
        val_targets = plan.method.val_targets(lm, held_out)
        val_rows, _ = plan.rows(held_out, val_targets, plan.encoded("val"))
    return TrainingData(rows, val_rows, cut, no_flops)


def _train(
    plan: Plan,
    lm: PersonalLM,
    build: Callable[[], PersonalLM],
    data: TrainingData,
    hardware: Hardware,
    phases: Phases,
    bars: Bars,
) -> Steps:
    """Choose the learning rate, train on `data`, evaluate on val. See `train_or_load`."""
    settings, search = plan.settings.train, None
    lr = settings.lr
    if lr == "auto":
        with phases("lr_search"):
            search = search_lr(plan, build, data.rows, data.val_rows, hardware, bars)
            lr = search.chosen
    assert isinstance(lr, float)
    budget = settings.model_copy(update={"epochs": plan.method.epochs(lm, data.rows)})
    with phases("steps"):
        log = train(
            lm,
            data.rows,
            budget,
            lr=lr,
            seed=plan.settings.seed,
            device=hardware.devices[0],
            dtype=hardware.dtype,
            checkpoint=plan.folder / UNFINISHED,
            on_step=_step_bar(bars, "training"),
        )
    with phases("evaluation"):
        val_loss = mean_loss(lm, data.val_rows, settings.micro_tokens, hardware)
    return Steps(budget, lr, search, log, val_loss)


def _summary(
    plan: Plan, lm: PersonalLM, data: TrainingData, steps: Steps, phases: Phases, peak_mib: float
) -> Training:
    """The record's entry on a training.

    plan, lm, data, steps: what was trained, on what, and how.
    phases: wall seconds.
    peak_mib: highest memory.
    """
    log, budget = steps.log, steps.settings
    seconds = training_seconds(phases.seconds, log, steps.search)
    flops = None
    if data.flops_missing is None:
        flops = training_work(
            lm, data.rows, data.val_rows, budget, plan.settings.seed, plan.method.target_flops
        )
    step_s, quartiles = middle([step.seconds for step in log.curve])
    return Training(
        seconds=seconds,
        seconds_total=sum(seconds.values()),
        flops=flops,
        flops_total=None if flops is None else sum(flops.values()),
        flops_missing=data.flops_missing,
        step_s=step_s,
        step_quartiles_s=quartiles,
        peak_memory_mib=peak_mib,
        steps=len(log.curve),
        examples=len(data.rows),
        epochs=budget.epochs,
        target_cut=data.cut,
        tokens=log.tokens,
        response_tokens=log.response_tokens,
        tokens_per_s=log.tokens / log.seconds if log.seconds else None,
        lr=steps.lr,
        lr_search=steps.search,
        val_loss=steps.val_loss,
        trainable_parameters=sum(p.numel() for p in lm.parameters() if p.requires_grad),
        method=dict(plan.method.report),
        curve=tuple(log.curve),
    )


def search_lr(
    plan: Plan,
    build: Callable[[], PersonalLM],
    rows: list[TrainRow],
    val_rows: list[TrainRow],
    hardware: Hardware,
    bars: Bars,
) -> LrSearch:
    """Train from the same start with each rate of the grid; the lowest loss on val is chosen.

    plan: the run.
    build: gives the model before training.
    rows, val_rows: what trials train on, and are compared on.
    hardware: where they run.
    bars: progress and messages.

    Trials already on disk are not repeated. A diverged trial has no loss and is never chosen.
    Raises DivergedError if all of them did.
    """
    settings = plan.settings.train
    path = plan.folder / SEARCH
    trials: dict[str, Trial] = {}
    if path.is_file():
        trials = from_json(dict[str, Trial], path.read_text(encoding="utf-8"), str(path))
    for lr in settings.lr_grid:
        if repr(lr) in trials:
            continue
        curve: list[float] = []
        val_loss = None
        begin, lm = now(), build()
        place(lm, hardware.devices)
        try:
            train(
                lm, rows, settings, lr=lr, seed=plan.settings.seed,
                epochs=settings.lr_trial_epochs, device=hardware.devices[0], dtype=hardware.dtype,
                on_step=_step_bar(bars, f"lr {lr:g}", curve),
            )  # fmt: skip
            val_loss = mean_loss(lm, val_rows, settings.micro_tokens, hardware)
        except DivergedError as error:
            bars.say(f"lr {lr:g} diverged: {error}")
        trials[repr(lr)] = Trial(
            lr=lr, val_loss=val_loss, curve=tuple(curve), seconds=now() - begin
        )
        write_json(path, {key: dataclasses.asdict(trial) for key, trial in trials.items()})
        del lm
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


@torch.no_grad()
def mean_loss(
    lm: PersonalLM, rows: list[TrainRow], micro_tokens: int, hardware: Hardware
) -> float | None:
    """Mean negative log-probability of the response tokens; None without rows.

    lm: the model, left in evaluation mode.
    rows: prompts and responses.
    micro_tokens: padded tokens in one forward pass.
    hardware: where it runs.

    Raises DivergedError where it is not a number.
    """
    total, count = 0.0, 0
    lm.eval()
    for group in micro_batches(rows, micro_tokens):
        with precision(hardware.devices[0], hardware.dtype):
            logprobs = lm.logprobs(to_batch(group))
        total -= logprobs.double().sum().item()
        count += sum(len(row.response) for row in group)
    if not math.isfinite(total):
        raise DivergedError(
            f"loss on val after training: {total}; expected a number. Lower train.lr or the"
            " method's lam"
        )
    return total / count if count else None


def _step_bar(
    bars: Bars, name: str, losses: list[float] | None = None
) -> Callable[[int, int, Step, TrainLog], None]:
    """A callback that shows each step and appends its loss to `losses`."""
    update = bars.track(name)

    def on_step(done: int, total: int, step: Step, log: TrainLog) -> None:
        if losses is not None:
            losses.append(step.loss)
        rate = log.tokens / log.seconds if log.seconds else 0.0
        update(done, total, f"loss {step.loss:.3f} · {rate:,.0f} tokens/s")

    return on_step
