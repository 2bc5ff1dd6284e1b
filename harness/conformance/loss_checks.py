"""Checks of a method's loss, in training mode and in eval mode: it may have a branch for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from harness.conformance.finding import Broken, contract, same_loss
from harness.conformance.world import World
from harness.engine.micro_batches import TrainRow
from harness.engine.train import to_batch

MODES = {"training": True, "eval": False}
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)


@contract("lm.loss")
@torch.no_grad()
def the_loss_is_a_finite_scalar(world: World) -> None:
    for mode in MODES:
        loss = _loss(world, world.short_rows, mode)
        if loss.ndim or not bool(loss.isfinite()):
            raise Broken(f"{loss} in {mode} mode", "a finite scalar")


@contract("lm.loss", trained=True)
@torch.no_grad()
def the_loss_is_a_mean_over_response_tokens(world: World) -> None:
    """The losses of micro-batches, weighted by their tokens, must add up to that of all rows.

    A loss that draws at random in training mode has no value to compare there.
    """
    rows, parts = world.short_rows, (world.short_rows[:2], world.short_rows[2:])
    for mode in MODES:
        whole, again = (_loss(world, rows, mode, seed).item() for seed in (0, 1))
        if mode == "training" and not same_loss(whole, again):
            continue
        losses = (_loss(world, part, mode).item() for part in parts)
        weighted = (loss * _tokens(part) for loss, part in zip(losses, parts, strict=True))
        summed = sum(weighted) / _tokens(rows)
        if not same_loss(whole, summed):
            sizes = " and ".join(f"{_tokens(part)}" for part in parts)
            raise Broken(
                f"in {mode} mode, loss {whole:.5f} of {_tokens(rows)} response tokens at once,"
                f" {summed:.5f} from two micro-batches with {sizes}, weighted by these numbers",
                "the same: a sum over response tokens, divided by `batch.response_mask.sum()`; else"
                " train.micro_tokens and free memory change what is learned",
            )


def _loss(world: World, rows: Sequence[TrainRow], mode: str, seed: int = 0) -> Tensor:
    """The loss of the rows, without dropout; `seed` is that of what else it draws."""
    with _in_mode(world, mode), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return world.lm.loss(to_batch(rows))


@contextmanager
def _in_mode(world: World, mode: str) -> Iterator[None]:
    """The shared model in this mode, but for its dropout; afterwards in eval mode again."""
    world.lm.train(MODES[mode])
    for module in world.lm.modules():
        if isinstance(module, DROPOUTS):
            module.eval()
    try:
        yield
    finally:
        world.lm.eval()


def _tokens(rows: Sequence[TrainRow]) -> int:
    return sum(len(row.response) for row in rows)
