"""Checks of a method's model: every way of computing gives the log-probs of a row alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from harness.conformance.finding import TOLERANCE, Broken, place, same_logprobs
from harness.conformance.world import World, to_batch, views_of
from harness.engine.lm import PersonalLM
from harness.engine.train import TrainRow


@torch.no_grad()
def logprobs_are_numbers_and_zero_at_padding(world: World) -> None:
    look = place(world.lm, "logprobs")
    batch = to_batch(world.short_rows)
    given = world.lm.logprobs(batch)
    if given.shape != batch.response_mask.shape:
        raise Broken(
            f"shape {tuple(given.shape)}", f"[B,R] = {tuple(batch.response_mask.shape)}", look
        )
    real, padding = given[batch.response_mask], given[~batch.response_mask]
    if not bool(((real <= 0) & real.isfinite()).all()):
        raise Broken(f"log p from {real.min():.3f} to {real.max():.3f}", "finite, at most 0", look)
    if bool((padding != 0).any()):
        worst = padding.abs().max()
        raise Broken(f"{worst:.3f} where batch.response_mask is 0", "0 at padding", look)


@torch.no_grad()
def a_distribution_sums_to_one(world: World) -> None:
    """Over the vocabulary, exp(logprobs) of the first response token."""
    row = world.short_rows[0]
    size = len(world.shared.backbones.tokenizer)
    every = [TrainRow(row.id, row.prompt, (token,), row.views) for token in range(size)]
    total = world.lm.logprobs(to_batch(every)).exp().sum().item()
    if not abs(total - 1) < 1e-3:
        raise Broken(
            f"p of all {size} tokens sums to {total:.4f}",
            "1: log-probs of a distribution, as likelihood is compared between methods",
            place(world.lm, "logprobs"),
        )


@torch.no_grad()
def a_row_alone_and_in_a_batch(world: World) -> None:
    same_logprobs(
        _unpadded(world, "right"),
        _alone(world),
        ("in a batch", "alone"),
        place(world.lm, "logprobs"),
    )


@torch.no_grad()
def id_0_is_a_token_like_others(world: World) -> None:
    """Without its zeros a prompt is another one; where it is not, they were taken for padding."""
    look = place(world.lm, "logprobs")
    for row in world.short_rows:
        # the last token stays: what follows is predicted from its column, masked or not
        kept = tuple(token for token in row.prompt[:-1] if token)
        bare = replace(row, prompt=(*kept, row.prompt[-1]))
        one, two = (world.lm.logprobs(to_batch([each]))[0] for each in (row, bare))
        if bare.prompt != row.prompt and bool(((one - two).abs() <= TOLERANCE).all()):
            raise Broken(
                f"row {row.id}: the same log-probs with and without its prompt's tokens of id 0",
                "padding known from lengths, never from ids",
                look,
            )


@torch.no_grad()
def left_and_right_padding(world: World) -> None:
    same_logprobs(
        _unpadded(world, "left"),
        _unpadded(world, "right"),
        ("padded left", "padded right"),
        place(world.lm, "logprobs"),
    )


@torch.no_grad()
def prefill_and_step(world: World) -> None:
    """Tokens fed one by one get the log-probs that training sees."""
    rows = world.short_rows
    same_logprobs(
        _stepped(world.lm, rows, [0] * len(rows)),
        _alone(world),
        ("by prefill and step", "by logprobs"),
        f"{place(world.lm, 'prefill')}, {place(world.lm, 'step')}",
    )


@torch.no_grad()
def text_already_written(world: World) -> None:
    """prefill(prompts, prefixes) goes on where steps would have been."""
    rows = world.short_rows
    cuts = [(2 * at) % len(row.response) for at, row in enumerate(rows)]
    known = [row[cut:] for row, cut in zip(_alone(world), cuts, strict=True)]
    same_logprobs(
        _stepped(world.lm, rows, cuts),
        known,
        ("by prefill with prefixes", "by logprobs"),
        place(world.lm, "prefill"),
    )


@torch.no_grad()
def the_loss_is_one_number(world: World) -> None:
    loss = world.lm.loss(to_batch(world.short_rows))
    if loss.ndim or not bool(loss.isfinite()):
        raise Broken(f"{loss}", "a finite scalar", place(world.lm, "loss"))


def _alone(world: World) -> list[Tensor]:
    return [world.lm.logprobs(to_batch([row]))[0] for row in world.short_rows]


def _unpadded(world: World, side: str) -> list[Tensor]:
    rows = world.short_rows
    given = world.lm.logprobs(to_batch(rows, "left" if side == "left" else "right"))
    return [logprobs[: len(row.response)] for row, logprobs in zip(rows, given, strict=True)]


def _stepped(lm: PersonalLM, rows: Sequence[TrainRow], cuts: Sequence[int]) -> list[Tensor]:
    """Log p of each response from its cut on, all rows together."""
    more = {"views": views_of(rows)} if rows[0].views else {}
    prefixes = [row.response[:cut] for row, cut in zip(rows, cuts, strict=True)]
    given = prefixes if any(cuts) else None
    logits, state = lm.prefill([row.prompt for row in rows], given, **more)
    found: list[list[Tensor]] = [[] for _ in rows]
    rest = [row.response[cut:] for row, cut in zip(rows, cuts, strict=True)]
    for at in range(max(map(len, rest))):
        now = [row[at] if at < len(row) else 0 for row in rest]
        scores = logits.float().log_softmax(-1)
        for index, token in enumerate(now):
            if at < len(rest[index]):
                found[index].append(scores[index, token])
        logits, state = lm.step(torch.tensor(now), state)
    return [torch.stack(row) for row in found]
