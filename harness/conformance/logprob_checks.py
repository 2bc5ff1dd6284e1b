"""Checks of a method's log-probs: every way of computing them must give the same values."""

from __future__ import annotations

from dataclasses import replace

import torch

from harness.conformance.finding import TOLERANCE, Broken, contract, require_same_logprobs
from harness.conformance.world import World, logprobs
from harness.engine.decode import logprobs_in_steps
from harness.engine.micro_batches import TrainRow
from harness.engine.train import to_batch


@contract("lm.logprobs")
@torch.no_grad()
def logprobs_are_finite_and_zero_at_padding(world: World) -> None:
    batch = to_batch(world.short_rows)
    computed, mask = world.lm.logprobs(batch), batch.response_mask
    if computed.shape != mask.shape:
        raise Broken(f"shape {tuple(computed.shape)}", f"[B,R] = {tuple(mask.shape)}")
    real, padding = computed[mask], computed[~mask]
    if not bool(((real <= 0) & real.isfinite()).all()):
        raise Broken(f"log p from {real.min():.3f} to {real.max():.3f}", "finite, at most 0")
    if bool((padding != 0).any()):
        worst = padding.abs().max()
        raise Broken(f"{worst:.3f} where batch.response_mask is 0", "0 at padding")


@contract("lm.logprobs")
def probabilities_sum_to_one(world: World) -> None:
    """Sum exp(logprobs) of the first response token over the vocabulary."""
    row = world.short_rows[0]
    size = len(world.shared.backbones.tokenizer)
    candidates = [TrainRow(row.id, row.prompt, (token,), row.views) for token in range(size)]
    total = torch.cat(logprobs(world.lm, candidates)).exp().sum().item()
    if not abs(total - 1) < 1e-3:
        raise Broken(
            f"p of all {size} tokens sums to {total:.4f}",
            "1: likelihoods of methods compare only if they come from distributions",
        )


@contract("lm.logprobs")
def batching_changes_no_logprobs(world: World) -> None:
    together = logprobs(world.lm, world.short_rows)
    require_same_logprobs(together, world.single_logprobs, ("in a batch", "alone"))


@contract("lm.logprobs")
def token_id_0_is_not_padding(world: World) -> None:
    """Removing tokens of id 0 changes a prompt. If log-probs stay the same, id 0 was masked."""
    for row, with_zeros in zip(world.short_rows, world.single_logprobs, strict=True):
        # keep the last token: the next one is predicted from its column, masked or not
        kept = tuple(token for token in row.prompt[:-1] if token)
        bare = replace(row, prompt=(*kept, row.prompt[-1]))
        gaps = (with_zeros - logprobs(world.lm, [bare])[0]).abs()
        if bare.prompt != row.prompt and bool((gaps <= TOLERANCE).all()):
            raise Broken(
                f"row {row.id}: the same log-probs with and without its prompt's tokens of id 0",
                "padding recognised by lengths, never by ids",
            )


@contract("lm.logprobs")
def the_padding_side_changes_no_logprobs(world: World) -> None:
    left, right = (logprobs(world.lm, world.short_rows, side) for side in ("left", "right"))
    require_same_logprobs(left, right, ("padded left", "padded right"))


@contract("lm.prefill", "lm.step")
@torch.no_grad()
def prefill_and_step_match_logprobs(world: World) -> None:
    """Tokens fed one at a time get the log-probs that training uses."""
    stepped = logprobs_in_steps(world.lm, to_batch(world.short_rows))
    require_same_logprobs(stepped, world.single_logprobs, ("by prefill and step", "by logprobs"))


@contract("lm.prefill")
@torch.no_grad()
def prefixes_match_logprobs(world: World) -> None:
    """prefill(prompts, prefixes) continues as if the prefixes had been fed in steps."""
    cuts = [(2 * index) % len(row.response) for index, row in enumerate(world.short_rows)]
    expected = [row[cut:] for row, cut in zip(world.single_logprobs, cuts, strict=True)]
    continued = logprobs_in_steps(world.lm, to_batch(world.short_rows), cuts)
    require_same_logprobs(continued, expected, ("by prefill with prefixes", "by logprobs"))
