"""PerCE: a cross-entropy in which personal tokens weigh more (arXiv 2603.06595).

A token's personal influence is how much likelier the profile makes it. The model that is being
trained estimates it anew in every step, and is then trained with the estimates as weights.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Batch
from harness.engine.lm import CausalLM
from harness.settings import Section
from harness_example_methods.views import NO_PROFILE, TwoViews


class PerCEOptions(Section):
    low: float = Field(1.0, gt=0)
    """Smallest weight of a token: what one without personal influence has."""
    high: float = Field(5.0, gt=0)
    """Largest weight. 1 for both is plain SFT. Both bounds are ours, not the paper's."""


class PerCELM(CausalLM):
    """A causal LM whose loss weighs each token by its personal influence, clipped."""

    def __init__(self, model: nn.Module, low: float = 1.0, high: float = 5.0) -> None:
        super().__init__(model)
        if not low <= high:
            raise ValueError(f"low is {low}, high {high}; expected low ≤ high")
        self.low, self.high = low, high

    def loss(self, batch: Batch) -> Tensor:
        """Minus the mean of weight · log p over response tokens; no gradient in the weights."""
        logprobs = self.logprobs(batch)
        with torch.no_grad():
            influence = logprobs - self.logprobs(batch.view(NO_PROFILE))
            weights = influence.clamp(self.low, self.high)
            weights = weights * batch.response_mask.to(weights.device)
        return -(weights * logprobs).sum() / batch.response_mask.sum()


class PerCE(TwoViews):
    """SFT with PerCE's loss; it writes like SFT, from the main view alone."""

    name = "perce"
    trains = True
    Options: ClassVar[type[Section]] = PerCEOptions
    options: PerCEOptions

    def build(self, backbones: Backbones) -> PerCELM:
        return PerCELM(backbones.main, self.options.low, self.options.high)
