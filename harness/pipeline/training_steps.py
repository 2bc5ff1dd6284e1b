"""What a training and the trials of its learning rate share: rows, progress, loss on val."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from harness.engine.checkpoint import TrainLog
from harness.engine.lm import PersonalLM
from harness.engine.micro_batches import TokenBudget, TrainRow, micro_batches
from harness.engine.schedule import plan_steps
from harness.engine.train import precision, to_batch
from harness.errors import DivergedError
from harness.pipeline.job import Job
from harness.pipeline.trackers import Trackers
from harness.progress import Bars
from harness.record import Step
from harness.settings import TrainSettings


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on and to evaluate on, how many targets were cut, why FLOPs are unknown."""

    rows: list[TrainRow]
    val_rows: list[TrainRow]
    cut: int
    flops_missing: str | None


@torch.no_grad()
def mean_loss(job: Job, lm: PersonalLM, rows: list[TrainRow]) -> float | None:
    """Mean negative log-probability of the response tokens; None without rows.

    Each process of the run evaluates a part of them. Leaves `lm` in evaluation mode. Raises
    DivergedError where the loss is not a number.
    """
    total, count = 0.0, sum(len(row.response) for row in rows)
    lm.eval()
    ranks = job.team.ranks
    budget = TokenBudget(job.plan.settings.train.micro_tokens, job.bars.say)
    for group in micro_batches(rows, budget.most)[ranks.index :: ranks.count]:
        total -= budget.fit(group, lambda parts: _summed_logprobs(job, lm, parts))
    (total,) = ranks.sum([total])
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


def steps_of(data: TrainingData, settings: TrainSettings, seed: int) -> int:
    """Number of optimizer steps."""
    return len(plan_steps(len(data.rows), settings.epochs, settings.batch_size, seed))


def step_bar(
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
