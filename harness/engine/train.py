"""Training: every method sees the same examples in each step; the loss is per response token."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import get_scheduler

from harness.engine.batch import PAD_ID, Batch
from harness.engine.checkpoint import TrainLog, load_checkpoint, save_checkpoint
from harness.engine.clock import now
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.micro_batches import TokenBudget, TrainRow
from harness.errors import DivergedError, mendable
from harness.interruption import Stopped, StopRequest
from harness.record import Step
from harness.record.state import Say
from harness.settings import TrainSettings


def plan_steps(examples: int, epochs: float, batch_size: int, seed: int) -> list[list[int]]:
    """Indices of the examples in each optimizer step. They depend on these four numbers alone.

    Every epoch has a new order; a fractional last epoch takes the start of its order.
    """
    total = max(1, round(examples * epochs))
    stream: list[int] = []
    epoch = 0
    while len(stream) < total:
        order = list(range(examples))
        random.Random(f"order {seed} {epoch}").shuffle(order)
        stream += order
        epoch += 1
    stream = stream[:total]
    return [stream[start : start + batch_size] for start in range(0, total, batch_size)]


def to_batch(rows: Sequence[TrainRow]) -> Batch:
    """Rows as a batch, with their views."""
    views = {name: [row.views[name] for row in rows] for name in rows[0].views}
    return Batch.from_rows(
        [row.prompt for row in rows], [row.response for row in rows], PAD_ID, views=views
    )


def precision(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """bf16 as autocast over fp32 weights; nothing for float32."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


def decayed(lm: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameter groups: no weight decay for vectors (norms and biases), as usual with AdamW."""
    matrices = [part for part in lm.parameters() if part.requires_grad and part.ndim > 1]
    vectors = [part for part in lm.parameters() if part.requires_grad and part.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def train(
    lm: PersonalLM,
    rows: Sequence[TrainRow],
    settings: TrainSettings,
    *,
    lr: float,
    seed: int,
    epochs: float | None = None,
    dtype: torch.dtype = torch.float32,
    checkpoint: Path | None = None,
    on_step: Callable[[int, int, Step, TrainLog], None] | None = None,
    say: Say = lambda text: None,
) -> TrainLog:
    """Train every parameter of `lm` that needs gradients; weights change in place.

    The loss of a step is normalised by its response tokens, however it is cut into micro-batches.
    If memory runs out, the step is repeated with smaller micro-batches.

    Args:
        lm: the model.
        rows: the training examples.
        settings: the section `train`.
        lr: peak learning rate.
        seed: of the order of examples, and of dropout.
        epochs: passes over the rows; by default the settings'.
        dtype: bfloat16 trains under autocast.
        checkpoint: folder of an unfinished training. It is resumed if it exists, and saved every
            `checkpoint_minutes` and when a signal ends the process.
        on_step: called with the number of steps done, of all steps, the last step and the log.
        say: takes messages.

    Raises DivergedError if the loss or the gradient norm is not finite, UsageError if memory does
    not hold one example.
    """
    # 1. Plan: examples of each step, optimizer, schedule; what an earlier run has done of it
    begin = now()
    plan = plan_steps(len(rows), epochs or settings.epochs, settings.batch_size, seed)
    optimizer = torch.optim.AdamW(decayed(lm, settings.weight_decay), lr=lr, fused=True)
    factor = _schedule(optimizer, settings, len(plan))
    log = (load_checkpoint(checkpoint, lm, optimizer, say) if checkpoint else None) or TrainLog()
    saver = _Saver(checkpoint, lm, optimizer, log, settings.checkpoint_minutes, say, begin)
    budget = TokenBudget(log.micro_tokens or settings.micro_tokens, say)
    # 2. Steps
    recompute_activations(lm, settings.gradient_checkpointing)
    lm.train()
    with StopRequest(say) if checkpoint else nullcontext() as stop:
        for step in range(len(log.curve), len(plan)):
            share_done = step / len(plan)
            lm.training_progress(share_done)
            chosen = [rows[index].at(share_done) for index in plan[step]]
            done = _step(
                lm, chosen, optimizer, budget, number=step + 1, lr=lr * factor(step),
                draws=seed * 1_000_003 + step, clip=settings.clip, dtype=dtype,
            )  # fmt: skip
            log.add(done, chosen)
            if budget.halved:
                log.micro_tokens = budget.most
            if on_step is not None:
                on_step(step + 1, len(plan), done, log)
            saver.after_step(step + 1 < len(plan))
            if stop is not None and stop.asked:
                saver.save()
                raise Stopped(stop.asked)
    # 3. Ready for evaluation
    saver.count_rest()
    lm.training_progress(1.0)
    recompute_activations(lm, False)
    lm.eval()
    return log


def _step(
    lm: PersonalLM,
    rows: Sequence[TrainRow],
    optimizer: torch.optim.Optimizer,
    budget: TokenBudget,
    *,
    number: int,
    lr: float,
    draws: int,
    clip: float,
    dtype: torch.dtype,
) -> Step:
    """One optimizer step.

    Args:
        lm: the model, which changes.
        rows: the step's examples.
        optimizer: of the model.
        budget: tokens of a micro-batch.
        number: of the step, from 1.
        lr: learning rate.
        draws: seed of dropout, which repeats after a resume.
        clip: largest norm of the gradient.
        dtype: bfloat16 trains under autocast.
    """

    def gradients(groups: list[list[TrainRow]]) -> tuple[float, float]:
        begin = now()
        optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(draws)
        return begin, _accumulate_gradients(lm, groups, dtype)

    begin, loss = budget.fit(rows, gradients)
    gradient = gradient_norm(lm)
    nn.utils.clip_grads_with_norm_(lm.parameters(), clip, gradient)
    norm = gradient.item()
    if not (isfinite(loss) and isfinite(norm)):
        raise DivergedError(
            f"training step {number}: loss {loss}, gradient norm {norm}; expected numbers."
            " Lower train.lr or the method's lam"
        )
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return Step(step=number, loss=loss, lr=lr, grad_norm=norm, seconds=now() - begin)


@dataclass
class _Saver:
    """Saves the checkpoint of a training, and counts the time between its steps.

    folder: of the checkpoint; None: save nothing.
    lm, optimizer, log: the training.
    minutes: between checkpoints.
    say: takes a message when one cannot be saved, which does not end the training.
    begin: when the training began in this process.
    """

    folder: Path | None
    lm: PersonalLM
    optimizer: torch.optim.Optimizer
    log: TrainLog
    minutes: float
    say: Say
    begin: float

    def __post_init__(self) -> None:
        self.saved = time.monotonic()
        self.steps_before, self.between_before = self.log.seconds, self.log.between_s

    def count_rest(self) -> None:
        """Put the time between the steps so far into the log."""
        steps = self.log.seconds - self.steps_before
        self.log.between_s = self.between_before + max(0.0, now() - self.begin - steps)

    def after_step(self, more: bool) -> None:
        """Save the checkpoint if it is due. more: whether steps remain."""
        if more and time.monotonic() - self.saved > 60 * self.minutes:
            self.save()

    def save(self) -> None:
        """Save the checkpoint now; one that cannot be saved is reported, and the old one stays."""
        if self.folder is None:
            return
        self.count_rest()
        try:
            save_checkpoint(self.folder, self.lm, self.optimizer, self.log)
        except OSError as error:
            self.say(f"cannot save a checkpoint: {mendable(error)}. The training continues")
        self.saved = time.monotonic()


def _schedule(
    optimizer: torch.optim.Optimizer, settings: TrainSettings, steps: int
) -> Callable[[int], float]:
    """The factor on the learning rate, a function of the step alone."""
    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    warmup = round(settings.warmup * steps)
    factor: Callable[[int], float] = get_scheduler(name, optimizer, warmup, steps).lr_lambdas[0]
    return factor


def _accumulate_gradients(
    lm: PersonalLM, groups: Sequence[Sequence[TrainRow]], dtype: torch.dtype
) -> float:
    """Add the gradients of one step to `lm`, by micro-batch; the loss of the step."""
    targets = sum(len(row.response) for group in groups for row in group)
    total, device = 0.0, next(lm.parameters()).device
    for group in groups:
        share = sum(len(row.response) for row in group) / targets
        with precision(device, dtype):
            loss = lm(to_batch(group)) * share
        loss.backward()
        total += loss.item()
    return total


def gradient_norm(lm: nn.Module) -> Tensor:
    """L2 norm over all gradients of `lm`, a float32 scalar.

    Summed in float64, so that the zero gradients of a reasoner at λ = 0 do not change the clipping.
    """
    norms = [part.grad.norm() for part in lm.parameters() if part.grad is not None]
    stacked = torch.stack([norm.to(norms[0]) for norm in norms])
    return stacked.cpu().double().square().sum().sqrt().float().to(stacked.device)


def recompute_activations(lm: PersonalLM, enabled: bool) -> None:
    """Switch gradient checkpointing of every causal LM in `lm`."""
    for _, model in causal_lms(lm):
        if not model.supports_gradient_checkpointing:
            continue
        if enabled:
            model.activation_checkpointing_enable({"use_reentrant": False})
        elif model.is_activation_checkpointing:
            model.activation_checkpointing_disable()
