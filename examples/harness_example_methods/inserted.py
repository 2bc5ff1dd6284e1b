"""A causal LM with K vectors between prompt and text, at Coconut's positions and under its mask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.engine.batch import Batch, Rows, Views, pad_left
from harness.engine.clock import now
from harness.engine.lm import CausalLM, embed, encode, gather_columns, head, token_logprobs
from harness.engine.passes import State, start


class InsertedLM(CausalLM):
    """Prompt, K vectors at consecutive positions, text. A subclass makes the vectors.

    The text attends to the vectors, and the last one predicts its first token. They are no tokens:
    nothing is generated for them, and no loss falls on them.
    """

    def __init__(self, model: nn.Module, count: int) -> None:
        super().__init__(model)
        self.count = count

    @property
    def hidden_per_example(self) -> int:
        return self.count

    @abstractmethod
    def vectors(self, prompts: Rows) -> Tensor:
        """The vectors [B,K,D] for each prompt."""

    def logprobs(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        inputs, real = self._inputs(batch.prompts, batch.responses)
        hidden = encode(self.model, inputs, real)
        # left padded, so that every row ends in the last column; a token is predicted by the one
        # before it
        mask = batch.response_mask
        first = inputs.size(1) - mask.sum(-1, keepdim=True) - 1
        before = first + torch.arange(mask.size(1), device=self.device)
        before = torch.where(mask, before, torch.zeros_like(before))
        return token_logprobs(self.model, gather_columns(hidden, before), batch)

    def prefill(
        self, prompts: Rows, prefixes: Rows | None = None, views: Views | None = None
    ) -> tuple[Tensor, State]:
        hidden, state = start(self.model, *self._inputs(prompts, prefixes or [()] * len(prompts)))
        return head(self.model, hidden[:, -1]), state

    def _inputs(self, prompts: Rows, texts: Rows) -> tuple[Tensor, Tensor]:
        """Input embeddings [B,T,D], padded on the left, and real [B,T], True at what is read."""
        begin = now()
        vectors = self.vectors(prompts)
        self.hidden_s += now() - begin
        rows = []
        for prompt, between, text in zip(prompts, vectors, texts, strict=True):
            parts = [self._embed(prompt), between, self._embed(text)]
            rows.append(torch.cat(parts))
        return pad_left(rows)

    def _embed(self, row: Sequence[int]) -> Tensor:
        return embed(self.model, torch.tensor(row, dtype=torch.long, device=self.device))
