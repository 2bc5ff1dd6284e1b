"""The check of a lean step before its first use: log-probs against the model's own forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.engine.lean_step import LeanDecoder

TOLERANCES = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""Largest difference of log-probs at a position, relative to the largest logit, or to 1."""
CHECKED = ((5, 1, 3), 4)
"""The check's rows: lengths of uneven prompts, and columns after them."""


@dataclass(frozen=True)
class Gaps:
    """How far the lean step's log-probs are from a model's own.

    by_position: the largest difference at each position.
    largest: the largest logit, or 1.
    tolerance: of a difference, relative to it.
    """

    by_position: Tensor
    largest: float
    tolerance: float

    def refusal(self, worst: Callable[[Tensor], Tensor] = torch.max) -> str | None:
        """Why the lean step does not serve the model, or None; `worst` of the gaps is judged."""
        gap = worst(self.by_position).item()
        if gap <= self.tolerance * self.largest:
            return None
        return (
            f"has log-probs that the lean step misses by {gap:.2g}"
            f" (largest logit {self.largest:.2g})"
        )


def gaps_of(model: Any, decoder: LeanDecoder) -> Gaps:
    """Compare log-probs of uneven rows, read at once and in steps, with the model's own forward."""
    lengths, steps = CHECKED
    device, head = decoder.norm.device, model.get_output_embeddings()
    embedding = model.get_input_embeddings()
    ids = torch.linspace(1, embedding.num_embeddings - 1, max(lengths) + steps, device=device)
    rows = [ids.long().roll(length)[: length + steps] for length in lengths]
    # 1. The model's own, each row alone and at once
    own = [model(input_ids=row[None], use_cache=False).logits[0, -steps - 1 :] for row in rows]
    expected = torch.stack(own).float()
    # 2. The lean step's: uneven prompts left padded, two columns at once, the others in steps
    padding = [max(lengths) - length for length in lengths]
    tokens = torch.stack([F.pad(row, (left, 0)) for row, left in zip(rows, padding, strict=True)])
    columns = torch.arange(max(lengths), device=device)
    real = columns >= torch.tensor(padding, device=device)[:, None]
    prompt, *more = embedding(tokens)[None].split([max(lengths), 2, *[1] * (steps - 2)], 2)
    hidden, state = decoder.start(prompt, real)
    parts = [hidden[:, :, -1:], *[decoder.extend(column, state) for column in more]]
    found = head(torch.cat(parts, 2)[0]).float()
    # 3. Compare
    largest = max(1.0, expected.abs().max().item())
    gaps = (found.log_softmax(-1) - expected.log_softmax(-1)).abs().amax(-1)
    return Gaps(gaps.flatten(), largest, TOLERANCES[decoder.norm.dtype])
