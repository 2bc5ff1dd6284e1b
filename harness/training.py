"""The training of a run: targets, learning rate, steps, a look at val; resumable at each."""

from __future__ import annotations

import dataclasses
import gc
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from harness import provenance
from harness.costs import training_seconds, training_work
from harness.engine.checkpoint import WEIGHTS, drop_checkpoint, load_weights, save_weights
from harness.engine.devices import place
from harness.engine.flops import missing
from harness.engine.lm import PersonalLM
from harness.engine.needs import refuse_long_training
from harness.engine.timing import PeakMemory, Phases, middle, now
from harness.engine.train import TrainRow, micro_batches, precision, to_batch, train
from harness.engine.train_log import StepLog, TrainLog
from harness.errors import DivergedError
from harness.method import BaseMethod
from harness.plan import Plan
from harness.progress import Bars
from harness.record import write_json

TRAINED, UNFINISHED, SEARCH = "training.json", "checkpoint", "lr.json"
PHASES = "training-phases.json"


@dataclass(frozen=True)
class Hardware:
    """Devices (the generator's first) and the number type of activations."""

    devices: list[torch.device]
    dtype: torch.dtype

    def machine(self) -> dict[str, Any]:
        """What times depend on besides the work."""
        number = str(self.dtype).removeprefix("torch.")
        return provenance.machine(",".join(map(str, self.devices)), number)


def trained(
    plan: Plan, lm: PersonalLM, build: Callable[[], PersonalLM], hardware: Hardware, bars: Bars
) -> tuple[PersonalLM, dict[str, Any]]:
    """`lm` after training, and what the record says of it; `build` gives fresh ones for trials.

    A finished training found in the run's folder is loaded, an unfinished one goes on.
    """
    done, weights = plan.folder / TRAINED, plan.folder / WEIGHTS
    if done.is_file() and weights.is_file():
        load_weights(lm, weights)
        (plan.folder / PHASES).unlink(missing_ok=True)  # stopped before it could clear up
        drop_checkpoint(plan.folder / UNFINISHED)
        return lm, json.loads(done.read_text())
    settings, phases = plan.settings, Phases()
    phases.keep(plan.folder / PHASES)
    with PeakMemory(hardware.devices) as memory:
        with phases("targets"):
            place(lm, hardware.devices)
            no_flops = missing(lm)
            refuse_long_training(plan, lm)
            pairs = plan.pairs("train")
            if isinstance(plan.method, BaseMethod):
                plan.method.workspace = plan.folder
                plan.method.track = bars.track
            targets = plan.method.targets(lm, pairs)
            rows, cut = plan.rows(pairs, targets, plan.readings("train"))
        with phases("val_targets"):
            held = plan.pairs("val")
            method = plan.method
            make = method.val_targets if isinstance(method, BaseMethod) else method.targets
            val_rows, _ = plan.rows(held, make(lm, held), plan.readings("val"))
        search = None
        lr = settings.train.lr
        if lr == "auto":
            with phases("lr_search"):
                search = search_lr(plan, build, rows, val_rows, hardware, bars)
                lr = search["chosen"]
        assert isinstance(lr, float)
        budget = settings.train
        if isinstance(plan.method, BaseMethod):
            budget = budget.model_copy(update={"epochs": plan.method.epochs(lm, rows)})
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
    spent = getattr(plan.method, "target_flops", 0)
    flops: dict[str, Any] = {"flops": None, "flops_total": None, "flops_missing": no_flops}
    if no_flops is None:
        work = training_work(lm, rows, val_rows, budget, settings.seed, spent)
        flops = {"flops": work, "flops_total": sum(work.values())}
    summary = {
        "seconds": seconds,
        "seconds_total": sum(seconds.values()),
        **flops,
        **middle([step.seconds for step in log.curve], "step"),
        "peak_memory_mib": memory.peak_mib,
        "steps": len(log.curve),
        "examples": len(rows),
        "epochs": budget.epochs,
        "target_cut": cut,
        "tokens": log.tokens,
        "response_tokens": log.response_tokens,
        "tokens_per_s": log.tokens / log.seconds if log.seconds else None,
        "lr": lr,
        "lr_search": search,
        "val_loss": val_loss,
        "trainable_parameters": sum(p.numel() for p in lm.parameters() if p.requires_grad),
        "method": dict(getattr(plan.method, "report", {})),
        "curve": [dataclasses.asdict(step) for step in log.curve],
    }
    write_json(done, summary)
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
) -> dict[str, Any]:
    """Train from the same start with each rate of the grid; the lowest loss on val is chosen.

    Trials already on disk are not repeated. A diverged trial has no loss and is never chosen.
    Raises DivergedError where all of them did.
    """
    settings = plan.settings.train
    path = plan.folder / SEARCH
    trials: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
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
        trials[repr(lr)] = {
            "lr": lr, "val_loss": val_loss, "curve": curve, "seconds": now() - begin
        }  # fmt: skip
        write_json(path, trials)
        del lm
        gc.collect()
    ended = [trial for trial in trials.values() if trial["val_loss"] is not None]
    if not ended:
        raise DivergedError(
            f"train.lr = auto: every rate of {settings.lr_grid} diverged; expected one that trains."
            " Lower train.lr_grid or the method's lam"
        )
    best = min(ended, key=lambda trial: trial["val_loss"])
    return {"chosen": best["lr"], "trials": list(trials.values())}


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
            logprobs = lm.logprobs(to_batch(group, lm.pad_id))
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
) -> Callable[[int, int, StepLog, TrainLog], None]:
    """Shows each step; its loss is also put at the end of `losses`."""
    update = bars.track(name)

    def on_step(done: int, total: int, step: StepLog, log: TrainLog) -> None:
        if losses is not None:
            losses.append(step.loss)
        rate = log.tokens / log.seconds if log.seconds else 0.0
        update(done, total, f"loss {step.loss:.3f} · {rate:,.0f} tokens/s")

    return on_step
