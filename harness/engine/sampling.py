"""The next token: repetition penalty, temperature, top-k, top-p, then one draw per row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from harness.engine.batch import Rows

NO_TOKEN = -1
"""Drawn for a row whose logits are not finite."""


class Sampler:
    """Draws one token per row. Each row has its own random stream, independent of its neighbours.

    The order and meaning of the options are those of transformers' logits processors.

    Args:
        seeds: one for each row.
        temperature: 0 is greedy.
        top_p: keep the smallest set of tokens with this probability (Holtzman et al. 2020).
        top_k: keep the k likeliest tokens and ties with the k-th.
        repetition_penalty: for tokens in a row's prompt or text (Keskar et al. 2019).

    Raises ValueError for an option out of range.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int | None = None,
        repetition_penalty: float = 1.0,
    ) -> None:
        if not temperature >= 0 or not 0 < top_p <= 1:
            raise ValueError(
                f"temperature {temperature}, top_p {top_p}; expected temperature ≥ 0, 0 < top_p ≤ 1"
            )
        if (top_k is not None and top_k < 1) or not repetition_penalty > 0:
            raise ValueError(
                f"top_k {top_k}, repetition_penalty {repetition_penalty}; expected top_k ≥ 1 or"
                " None, repetition_penalty > 0"
            )
        self.temperature, self.top_p, self.top_k = temperature, top_p, top_k
        self.repetition_penalty = repetition_penalty
        self.streams = [np.random.default_rng(seed) for seed in seeds]
        self.known: list[list[int]] = [[] for _ in seeds]
        self.seen: Tensor | None = None

    def penalise(self, rows: Rows) -> None:
        """Add tokens to which the repetition penalty applies, a row each."""
        for known, row in zip(self.known, rows, strict=True):
            known += row

    def keep(self, rows: Tensor) -> None:
        """Draw for these rows alone from now on, each from its own stream as before."""
        chosen = rows.tolist()
        self.streams = [self.streams[row] for row in chosen]
        self.known = [self.known[row] for row in chosen]
        self.seen = None if self.seen is None else self.seen[rows]

    def join(self, other: Sampler) -> None:
        """Draw for the rows of `other` too, after these, each from its own stream as before."""
        self.streams += other.streams
        self.known += other.known
        if self.seen is not None and other.seen is not None:
            self.seen = torch.cat([self.seen, other.seen])

    def __call__(self, logits: Tensor) -> Tensor:
        """logits [B,V] → tokens [B]; NO_TOKEN for a row whose logits are not finite."""
        scores = self._penalised(logits)
        if self.temperature == 0:
            tokens = scores.argmax(-1)  # NaN counts as the largest
            finite = scores.gather(-1, tokens[:, None])[:, 0].isfinite()
        else:
            # invert the cumulative distribution at one uniform number per row
            scaled = scores.float() / self.temperature
            ranked, cumulative, kept = self._ranked(scaled)
            mass = torch.where(kept, cumulative, cumulative.new_zeros(())).amax(-1)
            draws = torch.tensor([stream.random() for stream in self.streams]).to(cumulative)
            rank = (cumulative <= (draws * mass)[:, None]).sum(-1).clamp_max(kept.sum(-1) - 1)
            rank = rank.clamp_min(0)  # with NaN nothing is kept
            tokens, finite = _ids_at(rank, ranked, scaled), cumulative[:, -1].isfinite()
        if self.seen is not None:
            self.seen.scatter_(1, tokens[:, None], True)
        return torch.where(finite, tokens, NO_TOKEN)

    def _penalised(self, logits: Tensor) -> Tensor:
        """logits [B,V] after the repetition penalty, in float32 if there is a penalty."""
        if self.repetition_penalty == 1:
            return logits
        if self.seen is None:
            self.seen = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
            for row, known in enumerate(self.known):
                self.seen[row, torch.tensor(known, dtype=torch.long, device=logits.device)] = True
        scores = logits.float()
        penalty = self.repetition_penalty
        changed = torch.where(scores < 0, scores * penalty, scores / penalty)
        return torch.where(self.seen, changed, scores)

    def _ranked(self, scaled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits over the temperature [B,V] → ranked, cumulative probabilities, which may be drawn.

        All are [B,V], the likeliest token first. Top-k is applied.
        """
        ranked = _descending(scaled)
        if self.top_k is not None and self.top_k < ranked.size(-1):
            kth = ranked[:, self.top_k - 1 : self.top_k]
            ranked = ranked.masked_fill(ranked < kth, -torch.inf)
        cumulative = ranked.softmax(-1).cumsum(-1)
        before = torch.cat([cumulative.new_zeros(len(ranked), 1), cumulative[:, :-1]], -1)
        kept = before < self.top_p
        return ranked, cumulative, kept & (ranked > -torch.inf) if self.top_k else kept


def _descending(values: Tensor) -> Tensor:
    """Each row of values [B,V] from the largest down; on a CPU by numpy, in a seventh of the time.

    Values alone are sorted, which vectorises; `_ids_at` finds the one id that is needed.
    """
    if values.device.type != "cpu":
        return values.sort(dim=-1, descending=True).values
    return torch.from_numpy(-np.sort(-values.detach().numpy(), axis=-1))


def _ids_at(rank: Tensor, ranked: Tensor, scaled: Tensor) -> Tensor:
    """The ids [B] at these ranks [B] of a stable order: among equal values, the smallest id first.

    ranked [B,V] is scaled [B,V] in order.
    """
    value = ranked.gather(-1, rank[:, None])
    among_equals = rank - (ranked > value).sum(-1)
    count = (scaled == value).cumsum(-1, dtype=torch.int32)
    return (count == among_equals[:, None] + 1).int().argmax(-1)
