"""PerCE: cross-entropy that gives personal tokens a larger weight (arXiv 2603.06595).

A token's personal influence is how much the profile raises its log-probability. In every training
step the model first estimates it, then uses the estimates as weights of the loss.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Batch
from harness.settings import Section
from harness_example_methods.two_views import NO_PROFILE, TrainedOnTwoViews, TwoViews


class PerCEOptions(Section):
    low: float = Field(1.0, gt=0)
    """Smallest weight: that of a token without personal influence."""
    high: float = Field(5.0, gt=0)
    """Largest weight. With 1 for both bounds this is plain SFT. The paper gives neither bound."""


class PerCELM(TrainedOnTwoViews):
    """A causal LM whose loss weights each token by its clipped personal influence."""

    bare_backward = False

    def __init__(self, model: nn.Module, low: float = 1.0, high: float = 5.0) -> None:
        super().__init__(model)
        if not low <= high:
            raise ValueError(f"low is {low}, high {high}; expected low ≤ high")
        self.low, self.high = low, high

    def loss(self, batch: Batch) -> Tensor:
        """−mean of weight · log p over response tokens; no gradient flows through the weights."""
        logprobs = self.logprobs(batch)
        with torch.no_grad():
            influence = logprobs - self.logprobs(batch.view(NO_PROFILE))
            weights = influence.clamp(self.low, self.high)
            weights = weights * batch.response_mask.to(weights.device)
        return -(weights * logprobs).sum() / batch.response_mask.sum()


class PerCE(TwoViews):
    """SFT with PerCE's loss; it generates like SFT, from the main view alone."""

    name = "perce"
    trains = True
    Options: ClassVar[type[Section]] = PerCEOptions
    options: PerCEOptions

    def build(self, backbones: Backbones) -> PerCELM:
        return PerCELM(backbones.main, self.options.low, self.options.high)
