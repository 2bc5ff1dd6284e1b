"""CoPe's decoding on OPPU's adapters: the user's model against the task model (arXiv 2506.12109).

The paper decodes by the implicit reward of a user: how much the model with the user's adapter (the
expert) prefers a token over the task model without it (the amateur). Tokens that the expert finds
implausible are left out first:

    kept = tokens with p_expert ≥ 0.1 · max p_expert
    logits = log(p_expert, renormalised over kept) − 0.1 · log p_amateur

Both numbers and the form are those of the published code (repository cleverscent/CoPe at 1cb2b68,
`contrastive_decoding`), with its 1e-8 inside both logarithms; so a token that is left out keeps a
log-probability near −18 and no likelihood is infinite. This method is not all of CoPe: the paper
also refines the adapters with DPO (see `cope`), hence the name.

Our choices: those of `oppu`; a row without an adapter is written by the task model alone. The
published code also penalises repetition (1.2 to 1.3 by default); here sampling is the run's own, as
for every method.

Costs: OPPU's, and a second pass for every token. Likelihoods are those of the distribution above,
which gives references with a left-out token a low likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.batch import Batch, Rows, Views
from harness.engine.lm import CausalLM, Pass, RowLengths, precise_head
from harness.settings import Section
from harness_example_methods.oppu import Oppu, OppuLM, OppuOptions

TINY = 1e-8
"""Added inside both logarithms, as in the published code."""


class CopeDecodingOptions(OppuOptions):
    plausible: float = Field(0.1, ge=0, le=1)
    """A token is kept where the expert's probability is at least this share of the highest."""
    contrast: float = Field(0.1, ge=0)
    """Weight of the amateur's log-probabilities; 0, with plausible = 0, is OPPU."""


@dataclass
class TwoStates:
    """The caches of the model with each row's adapter and without.

    known [B]: the rows that have an adapter.
    """

    expert: Any
    amateur: Any
    known: Tensor


def contrast(expert: Tensor, amateur: Tensor, options: CopeDecodingOptions) -> Tensor:
    """Logits [...,V] of expert and amateur → logits [...,V] to generate from."""
    p = expert.float().softmax(-1)
    kept = p >= options.plausible * p.max(-1, keepdim=True).values
    p = torch.where(kept, p, torch.zeros_like(p))
    p = p / (p.sum(-1, keepdim=True) + TINY)
    amateur_p = amateur.float().softmax(-1)
    return torch.log(p + TINY) - options.contrast * torch.log(amateur_p + TINY)


class CopeLM(OppuLM):
    """A model with its users' adapters against itself without them."""

    options: CopeDecodingOptions

    def __init__(self, model: nn.Module, options: CopeDecodingOptions | None = None) -> None:
        super().__init__(model, options or CopeDecodingOptions())

    def loss(self, batch: Batch) -> Tensor:
        """The task model's, which training changes; contrast is for decoding alone."""
        return CausalLM(self.model).loss(batch)

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        with self.changed(self.changes_of(batch.views)):
            experts = self.predicting(batch)
        known, rows = self.numbers_of(batch.views) > 0, []
        for expert, amateur, here, ids in zip(
            experts, self.predicting(batch), known, batch.response_ids, strict=True
        ):  # hidden states [R,D] of one row
            both = (precise_head(self.model, states) for states in (expert, amateur))
            logits = self._mixed(*both, here)
            rows.append(logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0])
        logprobs = torch.stack(rows)
        return torch.where(batch.response_mask, logprobs, torch.zeros_like(logprobs))

    def prefill(  # type: ignore[override]
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, TwoStates]:
        expert, expert_state = super().prefill(prompts, prefixes, views)
        amateur, amateur_state = CausalLM(self.model).prefill(prompts, prefixes)
        known = self.numbers_of(views) > 0
        return self._mixed(expert, amateur, known[:, None]), TwoStates(
            expert_state, amateur_state, known
        )

    def step(self, tokens: Tensor, state: TwoStates) -> tuple[Tensor, TwoStates]:  # type: ignore[override]
        expert, state.expert = super().step(tokens, state.expert)
        amateur, state.amateur = CausalLM(self.model).step(tokens, state.amateur)
        return self._mixed(expert, amateur, state.known[:, None]), state

    def passes(self, row: RowLengths, training: bool) -> list[Pass]:
        once = super().passes(row, training)
        return once if training else 2 * once

    def _mixed(self, expert: Tensor, amateur: Tensor, known: Tensor) -> Tensor:
        """Contrasted logits where there is an adapter; the task model's elsewhere."""
        return torch.where(known, contrast(expert, amateur, self.options), expert.float())


class CopeDecoding(Oppu):
    """OPPU, decoded against its task model."""

    name = "cope-decoding"
    Options: ClassVar[type[Section]] = CopeDecodingOptions
    options: CopeDecodingOptions
    Model = CopeLM
