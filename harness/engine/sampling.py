"""Which token comes next: repetition penalty, temperature, top-k, top-p, then one draw a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from harness.engine.batch import Rows

NO_TOKEN = -1
"""What is drawn where a row's logits are no numbers."""


class Sampler:
    """Draws one token a row. Each row has its own stream, so that its neighbours change no draw.

    temperature: 0 is greedy. top_p: the smallest set that reaches it (Holtzman et al. 2020).
    seeds: one a row; None numbers them. top_k: the likeliest k and ties with the k-th.
    repetition_penalty: of tokens that a row's prompt or text holds (Keskar et al. 2019).
    Order and meaning are those of transformers' logits processors. Raises ValueError.
    """

    def __init__(
        self,
        temperature: float,
        top_p: float,
        seeds: Sequence[int] | None,
        rows: int,
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
        if seeds is not None and len(seeds) != rows:
            raise ValueError(f"{len(seeds)} seeds for {rows} prompts; expected one each")
        self.temperature, self.top_p, self.top_k = temperature, top_p, top_k
        self.repetition_penalty = repetition_penalty
        streams = range(rows) if seeds is None else seeds
        self.streams = [np.random.default_rng(seed) for seed in streams]
        self.read: list[list[int]] = [[] for _ in range(rows)]
        self.seen: Tensor | None = None

    def reads(self, rows: Rows) -> None:
        """Tokens that the model has read, a row each: the penalty counts them as held."""
        for known, row in zip(self.read, rows, strict=True):
            known += row

    def __call__(self, logits: Tensor) -> Tensor:
        """logits [B,V] → tokens [B]; NO_TOKEN where a row's logits are no numbers."""
        scores = self.penalised(logits)
        if self.temperature == 0:
            tokens = scores.argmax(-1)  # NaN counts as the largest
            sound = scores.gather(-1, tokens[:, None])[:, 0].isfinite()
        else:
            heaps, kept, ids = self.ranked(scores)
            mass = torch.where(kept, heaps, heaps.new_zeros(())).amax(-1)
            draws = torch.tensor([stream.random() for stream in self.streams]).to(heaps)
            place = (heaps <= (draws * mass)[:, None]).sum(-1).clamp_max(kept.sum(-1) - 1)
            place = place.clamp_min(0)  # NaN: nothing is kept
            tokens, sound = ids.gather(-1, place[:, None])[:, 0], heaps[:, -1].isfinite()
        if self.seen is not None:
            self.seen.scatter_(1, tokens[:, None], True)
        return torch.where(sound, tokens, NO_TOKEN)

    def penalised(self, logits: Tensor) -> Tensor:
        """logits [B,V] after the repetition penalty, in float32 where there is one."""
        if self.repetition_penalty == 1:
            return logits
        if self.seen is None:
            self.seen = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
            for row, known in enumerate(self.read):
                self.seen[row, torch.tensor(known, dtype=torch.long, device=logits.device)] = True
        scores = logits.float()
        penalty = self.repetition_penalty
        changed = torch.where(scores < 0, scores * penalty, scores / penalty)
        return torch.where(self.seen, changed, scores)

    def ranked(self, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """scores [B,V] → cumulative probabilities, which of them may be drawn, token ids: [B,V].

        Likeliest first, after temperature and top-k.
        """
        ranked, ids = (scores.float() / self.temperature).sort(dim=-1, descending=True, stable=True)
        if self.top_k is not None and self.top_k < ranked.size(-1):
            least = ranked[:, self.top_k - 1 : self.top_k]
            ranked = ranked.masked_fill(ranked < least, -torch.inf)
        heaps = ranked.softmax(-1).cumsum(-1)
        before = torch.cat([heaps.new_zeros(len(heaps), 1), heaps[:, :-1]], -1)
        kept = before < self.top_p
        return heaps, kept & (ranked > -torch.inf) if self.top_k else kept, ids
