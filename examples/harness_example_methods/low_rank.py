"""Low-rank adapters that differ from row to row of a batch (LoRA, Hu et al. 2021).

peft can apply one adapter to a whole batch in training. Users of a batch need one each, also in
prefill and steps, so the layer is written out here; it is a few lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.errors import UsageError

Change = tuple[Tensor, Tensor]
"""A [B,r,in] and B [B,out,r] of one layer, a pair for each row, or one for all with B = 1."""


class LowRankLinear(nn.Module):
    """A linear layer with a change for each row: W x + scale · B_u A_u x.

    linear: the layer. scale: alpha / rank. dropout: of the change's input, in training.
    change: of the rows in the next pass; None: W x alone.
    """

    def __init__(self, linear: nn.Module, scale: float, dropout: float) -> None:
        super().__init__()
        self.linear, self.scale, self.dropout = linear, scale, dropout
        self.change: Change | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.linear(inputs)
        if self.change is None:
            return output
        down, up = (part.to(inputs.dtype) for part in self.change)
        kept = F.dropout(inputs, self.dropout, self.training)
        return output + self.scale * (kept @ down.mT @ up.mT)


class Adapter(nn.Module):
    """One user's A and B for each layer. B is 0 at first, so the adapter changes nothing yet."""

    def __init__(self, layers: Sequence[LowRankLinear], rank: int, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        for layer in layers:
            weight: Any = layer.linear.weight  # [out,in]
            wide, narrow = weight.shape
            bound = 1 / math.sqrt(narrow)
            down = (2 * torch.rand(rank, narrow, generator=draw) - 1) * bound
            self.down.append(nn.Parameter(down.to(weight.device)))
            self.up.append(nn.Parameter(torch.zeros(wide, rank, device=weight.device)))

    @property
    def changes(self) -> list[Change]:
        """The change of each layer, for every row of a batch."""
        return [(down[None], up[None]) for down, up in zip(self.down, self.up, strict=True)]


def insert(
    model: nn.Module, targets: Sequence[str], scale: float, dropout: float
) -> list[LowRankLinear]:
    """Replace the layers called `targets` in `model`; those replaced before are returned as is.

    Raises UsageError if the model has none.
    """
    inserted: list[LowRankLinear] = []
    for parent, name, part in layers_called(model, targets):
        if not isinstance(part, LowRankLinear):
            part = LowRankLinear(part, scale, dropout)
            part.training = model.training
            setattr(parent, name, part)
        inserted.append(part)
    return inserted


def layers_called(
    model: nn.Module, targets: Sequence[str]
) -> list[tuple[nn.Module, str, nn.Module]]:
    """Parent, name and layer for each layer of these names. Raises UsageError for none."""
    found = [
        (parent, name, part)
        for parent in model.modules()
        if not isinstance(parent, LowRankLinear)
        for name, part in parent.named_children()
        if name in targets
    ]
    if not found:
        raise UsageError(
            f"{type(model).__name__} has no layers called {', '.join(targets)}; expected at least"
            " one. Name its layers with --set method.layers=…"
        )
    return found
