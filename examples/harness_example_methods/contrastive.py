"""Contrastive decoding with and without the profile, without training.

Context-aware decoding (Shi et al. 2023, arXiv 2305.14739) with the profile as the context: it
amplifies the profile's effect on the probability of each token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Batch, Rows
from harness.engine.lm import CausalLM, precise_head
from harness.engine.passes import State
from harness.settings import Section
from harness_example_methods.two_views import NO_PROFILE, TwoViews


class ContrastiveOptions(Section):
    alpha: float = Field(0.5, ge=0)
    """How much the profile's effect is amplified; 0 is RAG."""


@dataclass
class TwoStates:
    """The caches with and without the profile."""

    full: State
    bare: State


class ContrastiveLM(CausalLM):
    """One model, two passes: softmax of (1 + alpha) · logits − alpha · logits without profile."""

    def __init__(self, model: nn.Module, alpha: float = 0.5) -> None:
        super().__init__(model)
        self.alpha = alpha

    def contrast(self, full: Tensor, bare: Tensor) -> Tensor:
        """Logits [...,V] with and without the profile → logits [...,V] to generate from."""
        return (1 + self.alpha) * full.float() - self.alpha * bare.float()

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        full, bare = self.predicting(batch), self.predicting(batch.view(NO_PROFILE))
        rows = []
        for f, b, ids in zip(full, bare, batch.response_ids, strict=True):  # logits [R,V] per row
            logits = self.contrast(precise_head(self.model, f), precise_head(self.model, b))
            rows.append(logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0])
        logprobs = torch.stack(rows)
        return torch.where(batch.response_mask, logprobs, torch.zeros_like(logprobs))

    def prefill(  # type: ignore[override]  # its state holds two of CausalLM's
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, TwoStates]:
        if not views or NO_PROFILE not in views:
            raise ValueError(f"contrastive got views {sorted(views or ())}; expected {NO_PROFILE}")
        full, full_state = super().prefill(prompts, prefixes)
        bare, bare_state = super().prefill(views[NO_PROFILE], prefixes)
        return self.contrast(full, bare), TwoStates(full_state, bare_state)

    def step(  # type: ignore[override]
        self, tokens: Tensor, state: TwoStates
    ) -> tuple[Tensor, TwoStates]:
        full, full_state = super().step(tokens, state.full)
        bare, bare_state = super().step(tokens, state.bare)
        return self.contrast(full, bare), TwoStates(full_state, bare_state)


class Contrastive(TwoViews):
    """The backbone without training; only generation differs."""

    name = "contrastive"
    Options: ClassVar[type[Section]] = ContrastiveOptions
    options: ContrastiveOptions

    def build(self, backbones: Backbones) -> ContrastiveLM:
        return ContrastiveLM(backbones.main, self.options.alpha)
