"""SoftCoT: soft thoughts from a frozen assistant, projected into a frozen LLM (arXiv 2502.12134).

The paper: an assistant model reads the question and K placeholder tokens ([UNK]). Its last hidden
states at the placeholders are the soft thoughts. A linear projection maps them to the LLM's space,
where they stand before the reasoning. Assistant and LLM are frozen; only the projection is trained,
by the likelihood of the text. Unlike Coconut's, these thoughts come from one pass of another model.

The paper was read in its abstract and from memory. Our choices: the assistant is `model.reasoner`
(a copy of the backbone by default) and reads the method's own prompt; a placeholder is the mean row
of the assistant's embedding matrix, since many tokenizers have no [UNK]; K is Coconut's; the text
is the reference, without a written chain of thought.

With a frozen LLM the thoughts are all that is learned, so compare this method with rag as well as
with sft.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from harness.engine.backbone import Backbones
from harness.engine.batch import Rows, pad
from harness.engine.lm import Pass, RowLengths, embed, embedding_matrix, encode
from harness.method import Method
from harness.settings import Section
from harness_example_methods.inserted import InsertedLM


class SoftCoTOptions(Section):
    n_thoughts: int = Field(4, ge=1)
    """K, the number of soft thoughts between prompt and text; Coconut's default."""


class SoftCoTLM(InsertedLM):
    """A frozen causal LM that reads the projected hidden states of a frozen assistant.

    Args:
        model: the LLM that generates the text.
        reasoner: the assistant, with the same tokenizer.
        n_thoughts: K.
    """

    def __init__(self, model: nn.Module, reasoner: nn.Module, n_thoughts: int = 4) -> None:
        super().__init__(model, n_thoughts)
        self.reasoner = reasoner
        for part in (model, reasoner):
            part.requires_grad_(False)
        narrow, wide = (embedding_matrix(part).size(1) for part in (reasoner, model))
        self.projection = nn.Linear(narrow, wide).to(embedding_matrix(model))

    def vectors(self, prompts: Rows) -> Tensor:
        return self.projection(self._thoughts(prompts).to(self.device))  # type: ignore[no-any-return]

    def passes(self, row: RowLengths, training: bool) -> list[Pass]:
        """The assistant reads prompts alone; gradients pass through the LLM to the projection."""
        read = row.prompts["main"] + self.count
        return [
            Pass(self.model, read + row.text, row.logits, backward=True),
            Pass(self.reasoner, read, 0),
        ]

    @torch.no_grad()
    def _thoughts(self, prompts: Rows) -> Tensor:
        """The assistant's last hidden states [B,K,d] at K placeholders after each prompt."""
        rows = embedding_matrix(self.reasoner)
        tokens, real = (part.to(rows.device) for part in pad(prompts, "left"))
        blank = rows.mean(0).expand(len(prompts), self.count, -1)
        inputs = torch.cat([embed(self.reasoner, tokens), blank], 1)
        real = nn.functional.pad(real, (0, self.count), value=True)
        return encode(self.reasoner, inputs, real)[:, -self.count :]


class SoftCoT(Method):
    """A frozen backbone with soft thoughts before its text; only their projection is trained."""

    name = "softcot"
    trains = True
    has_reasoner = True
    Options: ClassVar[type[Section]] = SoftCoTOptions
    options: SoftCoTOptions

    def build(self, backbones: Backbones) -> SoftCoTLM:
        return SoftCoTLM(backbones.main, backbones.reasoner, self.options.n_thoughts)
