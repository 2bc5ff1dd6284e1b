"""Checks of a method's log-probs: every way of computing them must give the same values."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from harness.conformance.finding import TOLERANCE, Broken, place, require_same_logprobs
from harness.conformance.world import World, to_batch
from harness.engine.batch import Side
from harness.engine.decode import logprobs_in_steps
from harness.engine.train import TrainRow


@torch.no_grad()
def logprobs_are_finite_and_zero_at_padding(world: World) -> None:
    look = place(world.lm, "logprobs")
    batch = to_batch(world.short_rows)
    logprobs = world.lm.logprobs(batch)
    if logprobs.shape != batch.response_mask.shape:
        raise Broken(
            f"shape {tuple(logprobs.shape)}", f"[B,R] = {tuple(batch.response_mask.shape)}", look
        )
    real, padding = logprobs[batch.response_mask], logprobs[~batch.response_mask]
    if not bool(((real <= 0) & real.isfinite()).all()):
        raise Broken(f"log p from {real.min():.3f} to {real.max():.3f}", "finite, at most 0", look)
    if bool((padding != 0).any()):
        worst = padding.abs().max()
        raise Broken(f"{worst:.3f} where batch.response_mask is 0", "0 at padding", look)


@torch.no_grad()
def probabilities_sum_to_one(world: World) -> None:
    """Sum exp(logprobs) of the first response token over the vocabulary."""
    row = world.short_rows[0]
    size = len(world.shared.backbones.tokenizer)
    candidates = [TrainRow(row.id, row.prompt, (token,), row.views) for token in range(size)]
    total = world.lm.logprobs(to_batch(candidates)).exp().sum().item()
    if not abs(total - 1) < 1e-3:
        raise Broken(
            f"p of all {size} tokens sums to {total:.4f}",
            "1: likelihoods of methods compare only if they come from distributions",
            place(world.lm, "logprobs"),
        )


@torch.no_grad()
def batching_changes_no_logprobs(world: World) -> None:
    require_same_logprobs(
        _unpadded(world, "right"),
        _alone(world),
        ("in a batch", "alone"),
        place(world.lm, "logprobs"),
    )


@torch.no_grad()
def token_id_0_is_not_padding(world: World) -> None:
    """Removing tokens of id 0 changes a prompt. If log-probs stay the same, id 0 was masked."""
    look = place(world.lm, "logprobs")
    for row in world.short_rows:
        # keep the last token: the next one is predicted from its column, masked or not
        kept = tuple(token for token in row.prompt[:-1] if token)
        bare = replace(row, prompt=(*kept, row.prompt[-1]))
        with_zeros, without = (world.lm.logprobs(to_batch([r]))[0] for r in (row, bare))
        gaps = (with_zeros - without).abs()
        if bare.prompt != row.prompt and bool((gaps <= TOLERANCE).all()):
            raise Broken(
                f"row {row.id}: the same log-probs with and without its prompt's tokens of id 0",
                "padding recognised by lengths, never by ids",
                look,
            )


@torch.no_grad()
def the_padding_side_changes_no_logprobs(world: World) -> None:
    require_same_logprobs(
        _unpadded(world, "left"),
        _unpadded(world, "right"),
        ("padded left", "padded right"),
        place(world.lm, "logprobs"),
    )


@torch.no_grad()
def prefill_and_step_match_logprobs(world: World) -> None:
    """Tokens fed one at a time get the log-probs that training uses."""
    rows = world.short_rows
    require_same_logprobs(
        logprobs_in_steps(world.lm, to_batch(rows)),
        _alone(world),
        ("by prefill and step", "by logprobs"),
        f"{place(world.lm, 'prefill')}, {place(world.lm, 'step')}",
    )


@torch.no_grad()
def prefixes_match_logprobs(world: World) -> None:
    """prefill(prompts, prefixes) continues as if the prefixes had been fed in steps."""
    rows = world.short_rows
    cuts = [(2 * index) % len(row.response) for index, row in enumerate(rows)]
    expected = [row[cut:] for row, cut in zip(_alone(world), cuts, strict=True)]
    require_same_logprobs(
        logprobs_in_steps(world.lm, to_batch(rows), cuts),
        expected,
        ("by prefill with prefixes", "by logprobs"),
        place(world.lm, "prefill"),
    )


@torch.no_grad()
def the_loss_is_a_finite_scalar(world: World) -> None:
    loss = world.lm.loss(to_batch(world.short_rows))
    if loss.ndim or not bool(loss.isfinite()):
        raise Broken(f"{loss}", "a finite scalar", place(world.lm, "loss"))


def _alone(world: World) -> list[Tensor]:
    return [world.lm.logprobs(to_batch([row]))[0] for row in world.short_rows]


def _unpadded(world: World, side: Side) -> list[Tensor]:
    rows = world.short_rows
    padded = world.lm.logprobs(to_batch(rows, side))
    return [logprobs[: len(row.response)] for row, logprobs in zip(rows, padded, strict=True)]
