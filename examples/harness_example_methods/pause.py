"""Pause tokens: K learned embeddings between prompt and text (arXiv 2310.02226).

The paper appends M copies of a `<pause>` token to the prefix, in finetuning and at test time, and
ignores the model's outputs until the last one.
So the model computes K more hidden states in each layer before the text begins. Here this is the
control of Coconut: the same number of positions at the same places, without the recurrence that
makes a thought depend on the thoughts before it.

In the paper all pauses share one embedding, and it finds gains where the model was pretrained with
pauses too (abstract). Our choices: Coconut's K; an embedding for each pause, so that it may learn
its place (`method.repeat_one=true` is the paper's single one); they start as random vectors with
the mean and deviation of the embedding matrix; no pretraining.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Rows
from harness.engine.lm import embedding_matrix
from harness.method import Method
from harness.settings import Section
from harness_example_methods.inserted import InsertedLM


class PauseOptions(Section):
    n_pauses: int = Field(4, ge=1)
    """K, the number of pauses between prompt and text; Coconut's default."""
    repeat_one: bool = False
    """One embedding for all pauses, as in the paper, instead of one for each."""


class PauseLM(InsertedLM):
    """A causal LM that reads K learned embeddings before its text."""

    def __init__(self, model: nn.Module, n_pauses: int = 4, repeat_one: bool = False) -> None:
        super().__init__(model, n_pauses)
        rows = embedding_matrix(model).detach()  # [V,D]
        drawn = torch.randn(1 if repeat_one else n_pauses, rows.size(1)).to(rows)
        self.pauses = nn.Parameter(rows.mean(0) + rows.std(0) * drawn)

    def vectors(self, prompts: Rows) -> Tensor:
        return self.pauses.expand(len(prompts), self.count, -1)


class Pause(Method):
    """SFT with pauses before the text: the prompt of sft, K more positions."""

    name = "pause"
    trains = True
    Options: ClassVar[type[Section]] = PauseOptions
    options: PauseOptions

    def build(self, backbones: Backbones) -> PauseLM:
        return PauseLM(backbones.main, self.options.n_pauses, self.options.repeat_one)
