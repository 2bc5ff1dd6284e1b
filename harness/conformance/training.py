"""Checks of a trained method: gradients arrive, the loss falls, weights survive their file."""

from __future__ import annotations

import torch

from harness.conformance.finding import Broken, place, same_logprobs
from harness.conformance.world import World, to_batch
from harness.engine.batch import Batch
from harness.engine.checkpoint import WEIGHTS, load_weights, save_weights
from harness.engine.lm import PersonalLM
from harness.engine.train import train

LR = 1e-2
SHOWN = 4
"""Names of parameters in a message."""


def gradients_reach_every_trained_parameter(world: World) -> None:
    """Parameters that do not ask for gradients are frozen on purpose; all others must get one."""
    lm = world.build(world.shared).train()
    claimed = {name: part for name, part in lm.named_parameters() if part.requires_grad}
    look = place(lm, "loss") if "loss" in vars(type(lm)) else place(lm, "logprobs")
    if not claimed:
        raise Broken(
            "trains = True, and no parameter with requires_grad",
            "at least one, or trains = False",
            place(world.method, "build"),
        )
    lm.training_progress(0.5)
    loss = lm.loss(to_batch(world.rows))
    if not loss.requires_grad:
        raise Broken("a loss without gradient", "a loss that depends on the weights", look)
    loss.backward()
    without = [
        name for name, part in claimed.items() if part.grad is None or not bool(part.grad.any())
    ]
    if without:
        shown = ", ".join(without[:SHOWN]) + (" …" if without[SHOWN:] else "")
        raise Broken(
            f"no gradient at {len(without)} of {len(claimed)} parameters: {shown}",
            "a gradient at each, or requires_grad_(False) for what is not trained",
            look,
        )


def training_lowers_the_loss(world: World) -> None:
    """Minus the mean log-prob of the rows that were trained on, whatever `loss` weighs."""
    lm = world.build(world.shared)
    batch = to_batch(world.rows)
    before = _nll(lm, batch)
    settings = world.shared.settings.train
    train(lm, world.rows, settings, lr=LR, seed=0)
    after = _nll(lm, batch)
    if not after < before:
        raise Broken(
            f"−log p of the training texts {before:.3f} before, {after:.3f} after training on them",
            "less after",
            place(lm, "loss"),
        )


def saving_and_loading_keeps_everything(world: World) -> None:
    lm = world.build(world.shared)
    train(lm, world.rows, world.shared.settings.train, lr=LR, seed=0)
    path = world.folder / WEIGHTS
    save_weights(lm, path)
    fresh = world.build(world.plan())
    load_weights(fresh, path)
    batches = [to_batch([row]) for row in world.short_rows]
    with torch.no_grad():
        same_logprobs(
            [fresh.logprobs(batch)[0] for batch in batches],
            [lm.logprobs(batch)[0] for batch in batches],
            ("after loading", "before saving"),
            f"{place(lm, '__init__')}: what training changes is a parameter or a buffer",
        )


@torch.no_grad()
def _nll(lm: PersonalLM, batch: Batch) -> float:
    lm.eval()
    return -(lm.logprobs(batch).sum() / batch.response_mask.sum()).item()
