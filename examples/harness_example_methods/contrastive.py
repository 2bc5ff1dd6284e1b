"""Contrastive decoding with and without the profile, nothing trained.

Context-aware decoding (Shi et al. 2023, arXiv 2305.14739) with the profile as the context: what
the profile makes likelier is made likelier still.
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
from harness.engine.lm import CacheState, CausalLM, embed, gather_columns, head, read
from harness.settings import Section
from harness_example_methods.views import NO_PROFILE, TwoViews


class ContrastiveOptions(Section):
    alpha: float = Field(0.5, ge=0)
    """How far the profile's effect is carried on; 0 is RAG."""


@dataclass
class TwoStates:
    """The caches of both reads."""

    own: CacheState
    bare: CacheState


class ContrastiveLM(CausalLM):
    """One model read twice: softmax of (1 + alpha) · logits − alpha · logits without profile."""

    def __init__(self, model: nn.Module, alpha: float = 0.5) -> None:
        super().__init__(model)
        self.alpha = alpha

    def contrast(self, own: Tensor, bare: Tensor) -> Tensor:
        """Logits [...,V] with and without the profile → logits of the distribution written from."""
        return (1 + self.alpha) * own.float() - self.alpha * bare.float()

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        own, bare = self._states(batch), self._states(batch.view(NO_PROFILE))
        rows = []
        for mine, plain, ids in zip(own, bare, batch.response_ids, strict=True):  # [R,V] at a time
            logits = self.contrast(head(self.model, mine), head(self.model, plain))
            rows.append(logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0])
        logprobs = torch.stack(rows)
        return torch.where(batch.response_mask, logprobs, torch.zeros_like(logprobs))

    def _states(self, batch: Batch) -> Tensor:
        """Hidden states [B,R,D] that predict each response token."""
        seq = batch.sequences()
        hidden = read(self.model, embed(self.model, seq.tokens), seq.real)
        return gather_columns(hidden, seq.before)

    def prefill(  # type: ignore[override]  # its state is a pair of the plain model's
        self,
        prompts: Rows,
        prefixes: Rows | None = None,
        views: Mapping[str, Rows] | None = None,
    ) -> tuple[Tensor, TwoStates]:
        if not views or NO_PROFILE not in views:
            raise ValueError(f"contrastive got views {sorted(views or ())}; expected {NO_PROFILE}")
        own, state = super().prefill(prompts, prefixes)
        bare, bare_state = super().prefill(views[NO_PROFILE], prefixes)
        return self.contrast(own, bare), TwoStates(state, bare_state)

    def step(  # type: ignore[override]
        self, tokens: Tensor, state: TwoStates
    ) -> tuple[Tensor, TwoStates]:
        own, mine = super().step(tokens, state.own)
        bare, plain = super().step(tokens, state.bare)
        return self.contrast(own, bare), TwoStates(mine, plain)


class Contrastive(TwoViews):
    """The backbone as it is; only the writing differs."""

    name = "contrastive"
    Options: ClassVar[type[Section]] = ContrastiveOptions
    options: ContrastiveOptions

    def build(self, backbones: Backbones) -> ContrastiveLM:
        return ContrastiveLM(backbones.main, self.options.alpha)
