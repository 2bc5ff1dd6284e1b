"""Checks of training: gradients flow, the loss falls, weights can be saved and loaded."""

from __future__ import annotations

import torch

from harness.conformance.finding import (
    Broken,
    contract,
    place,
    require_same_logprobs,
    same_loss,
)
from harness.conformance.world import World, logprobs
from harness.engine.lm import PersonalLM
from harness.engine.train import to_batch
from harness.engine.weight_files import WEIGHTS, load_weights, save_weights

STEP = 1e-2
STEPS_TO_ALL = 4
"""Steps after which each parameter must have had a gradient."""
SHOWN = 4
"""Parameters that a message names."""


@contract(trained=True)
def gradients_reach_every_trained_parameter(world: World) -> None:
    """Every parameter that requires a gradient must get one; the others are frozen on purpose.

    A factor that is zero at the start (an adapter's B, a gate) holds back the gradients behind it
    until it has moved, so a few steps are taken.
    """
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
    without = set(trainable)
    for _ in range(STEPS_TO_ALL):
        lm.zero_grad(set_to_none=True)
        loss = lm.loss(to_batch(world.rows))
        if not loss.requires_grad:
            raise Broken("a loss without gradient", "a loss that depends on the weights", look)
        loss.backward()
        moved = {name for name in trainable if _has_gradient(trainable[name])}
        without -= moved
        if not without or not moved:
            break
        _move([trainable[name] for name in moved])
    if without:
        names = [name for name in trainable if name in without]
        shown = ", ".join(names[:SHOWN]) + (" …" if names[SHOWN:] else "")
        raise Broken(
            f"no gradient in {len(names)} of {len(trainable)} parameters: {shown}",
            "a gradient in each, or requires_grad_(False) for what is not trained",
            look,
        )


def _has_gradient(part: torch.nn.Parameter) -> bool:
    return part.grad is not None and bool(part.grad.any())


@torch.no_grad()
def _move(parts: list[torch.nn.Parameter]) -> None:
    """A small step against the gradient, of the same size whatever the gradient's."""
    for part in parts:
        assert part.grad is not None
        part.sub_(STEP * part.grad / part.grad.norm())


@contract("lm.loss", trained=True)
def training_lowers_the_loss(world: World) -> None:
    """The mean NLL of the training rows must fall, whatever weights `loss` uses."""
    before, after = (_nll(lm, world) for lm in (world.build(world.shared), world.trained.lm))
    if not after < before:
        raise Broken(
            f"NLL of the training texts {before:.3f} before training, {after:.3f} after",
            "a lower NLL after training",
        )


@contract("lm.loss", trained=True)
def training_is_repeatable(world: World) -> None:
    """A new model of a new method, trained on the same rows with the same seed, is the same."""
    once, again = world.trained, world.train(world.build(world.plan()))
    for step, (first, second) in enumerate(zip(once.losses, again.losses, strict=True), 1):
        if not same_loss(first, second):
            raise Broken(
                f"loss {first:.5f} in step {step}, {second:.5f} in the same step of a repetition",
                "the same: draw from torch's generator, which the harness seeds",
            )
    computed, expected = (logprobs(each.lm, world.rows) for each in (again, once))
    require_same_logprobs(computed, expected, ("after training again", "after training"))


@contract(trained=True)
def saving_and_loading_preserve_logprobs(world: World) -> None:
    lm, path = world.trained.lm, world.folder / WEIGHTS
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


def _nll(lm: PersonalLM, world: World) -> float:
    return -torch.cat(logprobs(lm, world.rows)).mean().item()
