"""Checks of training: gradients flow, the loss falls, weights can be saved and loaded."""

from __future__ import annotations

import torch

from harness.conformance.finding import Broken, contract, place, require_same_logprobs
from harness.conformance.world import World, logprobs
from harness.engine.checkpoint import WEIGHTS, load_weights, save_weights
from harness.engine.lm import PersonalLM
from harness.engine.train import to_batch, train

LR = 1e-2
SHOWN = 4
"""Parameters that a message names."""


@contract(trained=True)
def gradients_reach_every_trained_parameter(world: World) -> None:
    """Every parameter that requires a gradient must get one; the others are frozen on purpose."""
    lm = world.build(world.shared).train()
    trainable = {name: part for name, part in lm.named_parameters() if part.requires_grad}
    look = place(lm, "loss" if "loss" in vars(type(lm)) else "logprobs")
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


@contract("lm.loss", trained=True)
def training_lowers_the_loss(world: World) -> None:
    """The mean NLL of the training rows must fall, whatever weights `loss` uses."""
    lm = world.build(world.shared)
    before = _nll(lm, world)
    _train(lm, world)
    after = _nll(lm.eval(), world)
    if not after < before:
        raise Broken(
            f"NLL of the training texts {before:.3f} before training, {after:.3f} after",
            "a lower NLL after training",
        )


@contract(trained=True)
def saving_and_loading_preserve_logprobs(world: World) -> None:
    lm, path = world.build(world.shared), world.folder / WEIGHTS
    _train(lm, world)
    save_weights(lm, path)
    loaded = world.build(world.plan())
    load_weights(loaded, path)
    after, before = (
        [logprobs(each, [row])[0] for row in world.short_rows] for each in (loaded, lm)
    )
    require_same_logprobs(
        after,
        before,
        ("after loading", "before saving"),
        f"{place(lm, '__init__')}: keep all that training changes in parameters or buffers",
    )


def _train(lm: PersonalLM, world: World) -> None:
    train(lm, world.rows, world.shared.settings.train, lr=LR, seed=0)


def _nll(lm: PersonalLM, world: World) -> float:
    return -torch.cat(logprobs(lm, world.rows)).mean().item()
