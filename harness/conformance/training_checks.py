"""Checks of training: gradients flow, the loss falls, weights can be saved and loaded."""

from __future__ import annotations

import torch

from harness.conformance.finding import Broken, place, require_same_logprobs
from harness.conformance.world import World, to_batch
from harness.engine.batch import Batch
from harness.engine.checkpoint import WEIGHTS, load_weights, save_weights
from harness.engine.lm import PersonalLM
from harness.engine.train import train

LR = 1e-2
SHOWN = 4
"""Parameters that a message names."""


def gradients_reach_every_trained_parameter(world: World) -> None:
    """Every parameter that requires a gradient must get one; the others are frozen on purpose."""
    lm = world.build(world.shared).train()
    trainable = {name: part for name, part in lm.named_parameters() if part.requires_grad}
    look = place(lm, "loss") if "loss" in vars(type(lm)) else place(lm, "logprobs")
    if not trainable:
        raise Broken(
            "trains = True, but no parameter with requires_grad",
            "at least one, or trains = False",
            place(world.method, "build"),
        )
    lm.training_progress(0.5)
    loss = lm.loss(to_batch(world.rows))
    if not loss.requires_grad:
        raise Broken("a loss without gradient", "a loss that depends on the weights", look)
    loss.backward()
    without = [
        name for name, part in trainable.items() if part.grad is None or not bool(part.grad.any())
    ]
    if without:
        shown = ", ".join(without[:SHOWN]) + (" …" if without[SHOWN:] else "")
        raise Broken(
            f"no gradient in {len(without)} of {len(trainable)} parameters: {shown}",
            "a gradient in each, or requires_grad_(False) for what is not trained",
            look,
        )


def training_lowers_the_loss(world: World) -> None:
    """The mean NLL of the training rows must fall, whatever weights `loss` uses."""
    lm = world.build(world.shared)
    batch = to_batch(world.rows)
    before = _nll(lm, batch)
    settings = world.shared.settings.train
    train(lm, world.rows, settings, lr=LR, seed=0)
    after = _nll(lm, batch)
    if not after < before:
        raise Broken(
            f"NLL of the training texts {before:.3f} before training, {after:.3f} after",
            "a lower NLL after training",
            place(lm, "loss"),
        )


def saving_and_loading_preserve_logprobs(world: World) -> None:
    lm = world.build(world.shared)
    train(lm, world.rows, world.shared.settings.train, lr=LR, seed=0)
    path = world.folder / WEIGHTS
    save_weights(lm, path)
    loaded = world.build(world.plan())
    load_weights(loaded, path)
    batches = [to_batch([row]) for row in world.short_rows]
    with torch.no_grad():
        require_same_logprobs(
            [loaded.logprobs(batch)[0] for batch in batches],
            [lm.logprobs(batch)[0] for batch in batches],
            ("after loading", "before saving"),
            f"{place(lm, '__init__')}: keep all that training changes in parameters or buffers",
        )


@torch.no_grad()
def _nll(lm: PersonalLM, batch: Batch) -> float:
    lm.eval()
    return -(lm.logprobs(batch).sum() / batch.response_mask.sum()).item()
