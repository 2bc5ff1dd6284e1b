"""Training: every method sees the same examples in each step; the loss is per response token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.engine.batch import PAD_ID, Batch
from harness.engine.checkpoint import TrainLog
from harness.engine.clock import now
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.micro_batches import TokenBudget, TrainRow
from harness.engine.peak_memory import freed_memory_returned
from harness.engine.ranks import Ranks, is_shard, share_out
from harness.engine.saver import Saver, resumed
from harness.engine.schedule import plan_steps, rate_factor
from harness.engine.sharding import clip_gradients, norms, sharded
from harness.errors import DivergedError
from harness.interruption import StopRequest
from harness.record import Step
from harness.record.state import Say
from harness.settings import TrainSettings

SPREAD = 2_654_435_761
"""Between the seeds of a step's micro-batches; the CPU's generator reads their last 32 bits."""
OnStep = Callable[[int, int, Step, TrainLog], None]
"""Called with the number of steps done, of all steps, the last step and the log."""


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
    on_step: OnStep | None = None,
    say: Say = lambda text: None,
    ranks: Ranks | None = None,
) -> TrainLog:
    """Train every parameter of `lm` that needs gradients; weights change in place.

    The loss of a step is normalised by its response tokens, however it is cut into micro-batches
    and whichever process has them. If memory runs out, the step is repeated with smaller ones.

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
        on_step: called after each step.
        say: takes messages.
        ranks: the processes that train this model together; by default this one alone. All of them
            call this function with equal weights, which stay equal.

    Raises DivergedError if the loss or the gradient norm is not finite, UsageError if memory does
    not hold one example.
    """
    ranks = ranks or Ranks()
    work = _Training(settings, lr, seed, epochs or settings.epochs, dtype, ranks)
    divide = settings.sharding == "full" and ranks.count > 1
    whole = nullcontext(lm)
    with freed_memory_returned(lm.spares_memory), sharded(lm, ranks) if divide else whole as active:
        log = work.run(active, rows, checkpoint, on_step, say)
    lm.training_progress(1.0)
    lm.eval()
    return log


@dataclass(frozen=True)
class _Training:
    """`train` of a model that this process has whole, or a part of; fields as there."""

    settings: TrainSettings
    lr: float
    seed: int
    epochs: float
    dtype: torch.dtype
    ranks: Ranks

    def run(
        self,
        lm: PersonalLM,
        rows: Sequence[TrainRow],
        checkpoint: Path | None,
        on_step: OnStep | None,
        say: Say,
    ) -> TrainLog:
        """All steps that are left; arguments as those of `train`."""
        settings, ranks = self.settings, self.ranks
        # 1. Plan: examples of each step, optimizer, schedule; what an earlier run has done of it
        begin = now()
        plan = plan_steps(len(rows), self.epochs, settings.batch_size, self.seed)
        optimizer = torch.optim.AdamW(decayed(lm, settings.weight_decay), lr=self.lr, fused=True)
        factor = rate_factor(settings, len(plan))
        log = (resumed(checkpoint, lm, optimizer, say, ranks) if checkpoint else None) or TrainLog()
        saver = Saver(
            checkpoint, lm, optimizer, log, settings.checkpoint_minutes, say, begin, ranks
        )
        whole = not any(map(is_shard, lm.parameters()))
        budget = TokenBudget(
            log.micro_tokens or settings.micro_tokens, say, ranks=ranks, again=whole
        )
        # 2. Steps
        recompute_activations(lm, settings.gradient_checkpointing)
        lm.train()
        stopping = StopRequest(say) if checkpoint and ranks.first else nullcontext()
        with saver, stopping as stop:
            for step in range(len(log.curve), len(plan)):
                share_done = step / len(plan)
                lm.training_progress(share_done)
                chosen = [rows[index].at(share_done) for index in plan[step]]
                for group in optimizer.param_groups:
                    group["lr"] = self.lr * factor(step)
                done = self.step(lm, chosen, optimizer, budget, step)
                log.add(done, chosen)
                if budget.halved:
                    log.micro_tokens = budget.most
                if on_step is not None:
                    on_step(step + 1, len(plan), done, log)
                saver.after_step(step + 1 < len(plan), stop.asked if stop is not None else 0)
            # a signal may have come while the last step waited for other processes
            saver.after_step(False, stop.asked if stop is not None else 0)
        # 3. Ready for evaluation
        saver.count_rest()
        recompute_activations(lm, False)
        return log

    def step(
        self,
        lm: PersonalLM,
        rows: Sequence[TrainRow],
        optimizer: torch.optim.Optimizer,
        budget: TokenBudget,
        index: int,
    ) -> Step:
        """One optimizer step.

        lm: the model, which changes.
        rows: the step's examples.
        optimizer: of the model, with the step's learning rate.
        budget: tokens of a micro-batch.
        index: of the step, from 0; with the seed it draws dropout, which repeats after a resume.
        """
        draws = self.seed * 1_000_003 + index

        def gradients(groups: list[list[TrainRow]]) -> tuple[float, float]:
            begin = now()
            optimizer.zero_grad(set_to_none=True)
            return begin, _accumulate_gradients(lm, groups, self.dtype, draws, self.ranks)

        begin, share = budget.fit(rows, gradients)
        (loss,) = self.ranks.sum([share])
        self.ranks.sum_gradients(lm.parameters())
        gradient = gradient_norm(lm, self.ranks)
        clip_gradients(lm, self.settings.clip, gradient)
        norm = gradient.item()
        if not (isfinite(loss) and isfinite(norm)):
            raise DivergedError(
                f"training step {index + 1}: loss {loss}, gradient norm {norm}; expected numbers."
                " Lower train.lr or the method's lam"
            )
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        lr = optimizer.param_groups[0]["lr"]
        return Step(step=index + 1, loss=loss, lr=lr, grad_norm=norm, seconds=now() - begin)


def _accumulate_gradients(
    lm: PersonalLM,
    groups: Sequence[Sequence[TrainRow]],
    dtype: torch.dtype,
    draws: int,
    ranks: Ranks,
) -> float:
    """Add the gradients of this process's micro-batches to `lm`; its share of the step's loss.

    Args:
        lm: the model.
        groups: all micro-batches of the step.
        dtype: bfloat16 computes under autocast.
        draws: seed of dropout in the step; each micro-batch has draws of its own, whichever process
            has it.
        ranks: the processes, which divide the micro-batches by tokens.
    """
    targets = sum(len(row.response) for group in groups for row in group)
    losses, device = list[Tensor](), next(lm.parameters()).device
    shares = share_out([len(group[0]) * len(group) for group in groups], ranks.count)
    passes = [(number, 1.0) for number in shares[ranks.index]]
    if any(map(is_shard, lm.parameters())):  # each pass is one of all processes together
        shortest = (len(groups) - 1, 0.0)
        passes += [shortest] * (max(map(len, shares)) - len(passes))
    for number, weight in passes:
        torch.manual_seed((draws + number * SPREAD) % (1 << 63))
        share = sum(len(row.response) for row in groups[number]) / targets
        with precision(device, dtype):
            loss = lm(to_batch(groups[number])) * (weight * share)
        loss.backward()
        losses.append(loss.detach())
    return sum(torch.stack(losses).tolist()) if losses else 0.0  # the only wait for the device


def gradient_norm(lm: nn.Module, ranks: Ranks | None = None) -> Tensor:
    """L2 norm over all gradients of `lm`, a scalar.

    Summed in float64, so that the zero gradients of a reasoner at λ = 0 do not change the clipping.
    ranks: the processes that hold the parts of a sharded model.
    """
    held, shards = norms(lm)
    device = (held or shards)[0].device
    precise = torch.promote_types((held or shards)[0].dtype, torch.float32)

    def squares(of: list[Tensor]) -> Tensor:
        return torch.stack([norm.to(device) for norm in of]).cpu().double().square().sum()

    total = squares(held) if held else torch.zeros((), dtype=torch.float64)
    if shards:
        total = total + (ranks or Ranks()).sum([squares(shards).item()])[0]
    return total.sqrt().to(precise).to(device)


def recompute_activations(lm: PersonalLM, enabled: bool) -> None:
    """Switch gradient checkpointing of every causal LM in `lm`."""
    for _, model in causal_lms(lm):
        if not model.supports_gradient_checkpointing:
            continue
        if enabled:
            model.activation_checkpointing_enable({"use_reentrant": False})
        elif model.is_activation_checkpointing:
            model.activation_checkpointing_disable()
