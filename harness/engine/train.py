"""Training: every method sees the same examples in each step; the loss is per response token."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import get_scheduler

from harness.engine.batch import PAD_ID, Batch
from harness.engine.checkpoint import TrainLog, load_checkpoint, save_checkpoint
from harness.engine.clock import now
from harness.engine.lm import PersonalLM, causal_lms
from harness.errors import DivergedError
from harness.record import Step
from harness.settings import TrainSettings


@dataclass(frozen=True)
class TrainRow:
    """One training example in tokens.

    response: what the model learns to generate: preface, text, end. views: further prompts by name.
    curriculum: (until, response) in order, as in Target.
    """

    id: str
    prompt: tuple[int, ...]
    response: tuple[int, ...]
    views: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    curriculum: tuple[tuple[float, tuple[int, ...]], ...] = ()

    def at(self, share: float) -> TrainRow:
        """The row with its response at this share of the training steps."""
        for until, response in self.curriculum:
            if share < until:
                return replace(self, response=response)
        return self

    def __len__(self) -> int:
        return len(self.prompt) + len(self.response)


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


def micro_batches(rows: Sequence[TrainRow], most_tokens: int) -> list[list[TrainRow]]:
    """Rows by length in groups of at most `most_tokens` padded tokens; a longer row by itself."""
    groups: list[list[TrainRow]] = []
    for row in sorted(rows, key=len, reverse=True):  # the first of a group is its longest
        if groups and len(groups[-1][0]) * (len(groups[-1]) + 1) <= most_tokens:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


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
) -> TrainLog:
    """Train every parameter of `lm` that needs gradients; weights change in place.

    The loss of a step is normalised by its response tokens, however it is cut into micro-batches.

    Args:
        lm: the model.
        rows: the training examples.
        settings: the section `train`.
        lr: peak learning rate.
        seed: of the order of examples, and of dropout.
        epochs: passes over the rows; by default the settings'.
        dtype: bfloat16 trains under autocast.
        checkpoint: folder of an unfinished training. It is resumed if it exists, and saved every
            `checkpoint_minutes`.
        on_step: called with the number of steps done, of all steps, the last step and the log.

    Raises DivergedError if the loss or the gradient norm is not finite.
    """
    # 1. Plan: examples of each step, optimizer, schedule; what an earlier run has done of it
    plan = plan_steps(len(rows), epochs or settings.epochs, settings.batch_size, seed)
    optimizer = torch.optim.AdamW(decayed(lm, settings.weight_decay), lr=lr, fused=True)
    factor = _schedule(optimizer, settings, len(plan))
    log = TrainLog()
    if checkpoint is not None:
        log = load_checkpoint(checkpoint, lm, optimizer) or log
    saved = time.monotonic()
    # 2. Steps
    recompute_activations(lm, settings.gradient_checkpointing)
    lm.train()
    for step in range(len(log.curve), len(plan)):
        begin = now()
        torch.manual_seed(seed * 1_000_003 + step)  # dropout repeats after a resume
        share_done = step / len(plan)
        lm.training_progress(share_done)
        chosen = [rows[index].at(share_done) for index in plan[step]]
        loss = _accumulate_gradients(lm, chosen, settings.micro_tokens, dtype)
        gradients = gradient_norm(lm)
        nn.utils.clip_grads_with_norm_(lm.parameters(), settings.clip, gradients)
        norm = gradients.item()
        if not (isfinite(loss) and isfinite(norm)):
            raise DivergedError(
                f"training step {step + 1}: loss {loss}, gradient norm {norm}; expected numbers."
                " Lower train.lr or the method's lam"
            )
        used = lr * factor(step)
        for group in optimizer.param_groups:
            group["lr"] = used
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        log.curve.append(
            Step(step=step + 1, loss=loss, lr=used, grad_norm=norm, seconds=now() - begin)
        )
        log.tokens += sum(map(len, chosen))
        log.response_tokens += sum(len(row.response) for row in chosen)
        log.seconds += log.curve[-1].seconds
        if on_step is not None:
            on_step(step + 1, len(plan), log.curve[-1], log)
        due = time.monotonic() - saved > 60 * settings.checkpoint_minutes
        if checkpoint is not None and due and step + 1 < len(plan):
            save_checkpoint(checkpoint, lm, optimizer, log)
            saved = time.monotonic()
    # 3. Ready for evaluation
    lm.training_progress(1.0)
    recompute_activations(lm, False)
    lm.eval()
    return log


def _schedule(
    optimizer: torch.optim.Optimizer, settings: TrainSettings, steps: int
) -> Callable[[int], float]:
    """The factor on the learning rate, a function of the step alone."""
    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    warmup = round(settings.warmup * steps)
    factor: Callable[[int], float] = get_scheduler(name, optimizer, warmup, steps).lr_lambdas[0]
    return factor


def _accumulate_gradients(
    lm: PersonalLM, rows: Sequence[TrainRow], micro_tokens: int, dtype: torch.dtype
) -> float:
    """Add the gradients of one step to `lm`, in micro-batches; the loss of the step."""
    targets = sum(len(row.response) for row in rows)
    total, device = 0.0, next(lm.parameters()).device
    for part in micro_batches(rows, micro_tokens):
        share = sum(len(row.response) for row in part) / targets
        with precision(device, dtype):
            loss = lm(to_batch(part)) * share
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
