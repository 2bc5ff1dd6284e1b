"""The training of a run: targets, learning rate, steps, a look at val; resumable at each."""

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
from harness.engine.needs import refuse_long_training
from harness.engine.peak_memory import PeakMemory
from harness.engine.train import TrainRow, micro_batches, precision, to_batch, train
from harness.engine.train_log import TrainLog
from harness.errors import DivergedError
from harness.inputs import provenance
from harness.progress import Bars
from harness.record import DeviceInfo, LrSearch, Step, Training, Trial, write_json
from harness.record.reading import from_json
from harness.run.plan import Plan
from harness.run.training_costs import training_seconds, training_work

TRAINED, UNFINISHED, SEARCH = "training.json", "checkpoint", "lr.json"
PHASES = "training-phases.json"


@dataclass(frozen=True)
class Hardware:
    """Devices (the generator's first) and the number type of activations."""

    devices: list[torch.device]
    dtype: torch.dtype

    def machine(self) -> DeviceInfo:
        """What times depend on besides the work."""
        number = str(self.dtype).removeprefix("torch.")
        return provenance.machine(",".join(map(str, self.devices)), number)


def trained(
    plan: Plan, lm: PersonalLM, build: Callable[[], PersonalLM], hardware: Hardware, bars: Bars
) -> tuple[PersonalLM, Training]:
    """`lm` after training, and what the record says of it; `build` gives fresh ones for trials.

    A finished training found in the run's folder is loaded, an unfinished one goes on.
    """
    done, weights = plan.folder / TRAINED, plan.folder / WEIGHTS
    if done.is_file() and weights.is_file():
        load_weights(lm, weights)
        (plan.folder / PHASES).unlink(missing_ok=True)  # stopped before it could clear up
        drop_checkpoint(plan.folder / UNFINISHED)
        return lm, from_json(Training, done.read_text(encoding="utf-8"), str(done))
    settings, phases = plan.settings, Phases()
    phases.keep(plan.folder / PHASES)
    with PeakMemory(hardware.devices) as memory:
        with phases("targets"):
            place(lm, hardware.devices)
            no_flops = missing(lm)
            refuse_long_training(plan, lm)
            pairs = plan.pairs("train")
            plan.method.workspace = plan.folder
            plan.method.track = bars.track
            targets = plan.method.targets(lm, pairs)
            rows, cut = plan.rows(pairs, targets, plan.readings("train"))
        with phases("val_targets"):
            held = plan.pairs("val")
            val_rows, _ = plan.rows(held, plan.method.val_targets(lm, held), plan.readings("val"))
        search = None
        lr = settings.train.lr
        if lr == "auto":
            with phases("lr_search"):
                search = search_lr(plan, build, rows, val_rows, hardware, bars)
                lr = search.chosen
        assert isinstance(lr, float)
        budget = settings.train.model_copy(update={"epochs": plan.method.epochs(lm, rows)})
        with phases("steps"):
            log = train(
                lm,
                rows,
                budget,
                lr=lr,
                seed=settings.seed,
                device=hardware.devices[0],
                dtype=hardware.dtype,
                checkpoint=plan.folder / UNFINISHED,
                on_step=_step_bar(bars, "training"),
            )
        with phases("evaluation"):
            val_loss = mean_loss(lm, val_rows, settings.train.micro_tokens, hardware)
        with phases("saving"):
            save_weights(lm, weights)
    seconds = training_seconds(phases.seconds, log, search)
    flops = None
    if no_flops is None:
        flops = training_work(lm, rows, val_rows, budget, settings.seed, plan.method.target_flops)
    step_s, quartiles = middle([step.seconds for step in log.curve])
    summary = Training(
        seconds=seconds,
        seconds_total=sum(seconds.values()),
        flops=flops,
        flops_total=None if flops is None else sum(flops.values()),
        flops_missing=no_flops,
        step_s=step_s,
        step_quartiles_s=quartiles,
        peak_memory_mib=memory.peak_mib,
        steps=len(log.curve),
        examples=len(rows),
        epochs=budget.epochs,
        target_cut=cut,
        tokens=log.tokens,
        response_tokens=log.response_tokens,
        tokens_per_s=log.tokens / log.seconds if log.seconds else None,
        lr=lr,
        lr_search=search,
        val_loss=val_loss,
        trainable_parameters=sum(p.numel() for p in lm.parameters() if p.requires_grad),
        method=dict(plan.method.report),
        curve=tuple(log.curve),
    )
    write_json(done, dataclasses.asdict(summary))
    phases.forget()
    drop_checkpoint(plan.folder / UNFINISHED)
    return lm, summary


def search_lr(
    plan: Plan,
    build: Callable[[], PersonalLM],
    rows: list[TrainRow],
    val_rows: list[TrainRow],
    hardware: Hardware,
    bars: Bars,
) -> LrSearch:
    """Train from the same start with each rate of the grid; the lowest loss on val is chosen.

    Trials already on disk are not repeated. A diverged trial has no loss and is never chosen.
    Raises DivergedError where all of them did.
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
    ended = [
        (trial.val_loss, at, trial.lr)
        for at, trial in enumerate(trials.values())
        if trial.val_loss is not None
    ]
    if not ended:
        raise DivergedError(
            f"train.lr = auto: every rate of {settings.lr_grid} diverged; expected one that trains."
            " Lower train.lr_grid or the method's lam"
        )
    return LrSearch(chosen=min(ended)[2], trials=tuple(trials.values()))


@torch.no_grad()
def mean_loss(
    lm: PersonalLM, rows: list[TrainRow], micro_tokens: int, hardware: Hardware
) -> float | None:
    """Minus the mean log-prob of the rows' response tokens; None without rows.

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
    """Shows each step; its loss is also put at the end of `losses`."""
    update = bars.track(name)

    def on_step(done: int, total: int, step: Step, log: TrainLog) -> None:
        if losses is not None:
            losses.append(step.loss)
        rate = log.tokens / log.seconds if log.seconds else 0.0
        update(done, total, f"loss {step.loss:.3f} · {rate:,.0f} tokens/s")

    return on_step
