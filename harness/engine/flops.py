"""FLOPs of training and writing, estimated from lengths: the only place of this arithmetic.

Forward, a position costs 2 for each number of the layers' matrices, and 4 · attention width a layer
for each position that it attends to (2 for its score, 2 for its value); logits cost 2 · D · V where
they are computed. Backward costs twice the forward (Kaplan et al. 2020, section 2.1 and table 1;
Chowdhery et al. 2022, appendix B, whose 6N + 12LHQT a token counts unmasked attention; ours is
causal). Every model that a method reads with counts: both of FlyThinker's, Coconut's thoughts as
positions between prompt and text, every further view of a prompt. Left out: look-ups, norms,
softmax, the optimizer, padding, and what gradient checkpointing computes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from harness.engine.batch import Rows
from harness.engine.lm import PersonalLM, decoder_of
from harness.engine.train import TrainRow

BACKWARD = 2
"""Cost of a backward pass in forward passes."""


@dataclass(frozen=True)
class Reader:
    """One causal LM inside a method's model, and what its FLOPs depend on.

    body: numbers in the matrices of its layers. head: those of its output matrix; 0 for a
    reasoner, which computes no logits. attention: layers · heads · head width. trains: whether
    any parameter asks for gradients.
    """

    body: int
    head: int
    attention: int
    trains: bool

    def forward(self, positions: int, logits: int) -> int:
        """One causal pass over `positions`, in one piece or token by token; rows of logits."""
        pairs = positions * (positions + 1) // 2
        return 2 * self.body * positions + 4 * self.attention * pairs + 2 * self.head * logits


def readers(lm: PersonalLM) -> list[Reader]:
    """Every causal LM of transformers inside `lm`; dense layers and full attention are assumed."""
    silent = getattr(lm, "reasoner", None)
    models = [
        part
        for part in lm.modules()
        if isinstance(part, PreTrainedModel) and part.base_model is not part
    ]
    return [_reader(model, model is not silent) for model in models]


def training_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """Forward and backward over each row once (repeat rows for more epochs).

    A model without a parameter that trains is only read forward.
    """
    models = readers(lm)
    return sum(
        (1 + BACKWARD * model.trains) * model.forward(positions, logits)
        for positions, logits in _row_passes(lm, rows)
        for model in models
    )


def reading_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """One forward pass over each row: what its likelihood costs."""
    return _forward(lm, _row_passes(lm, rows))


def writing_flops(
    lm: PersonalLM, prompts: Rows, texts: Rows, views: Mapping[str, Rows] | None = None
) -> int:
    """Prefill and steps of each text: every token is read once, and one drawn after each.

    A preface makes two writings: its own, then the text's after prompt and preface.
    """
    return _forward(
        lm,
        (
            (len(rows[at]) + lm.hidden_per_example + len(text), len(text) + 1)
            for rows in (prompts, *(views or {}).values())
            for at, text in enumerate(texts)
        ),
    )


def _row_passes(lm: PersonalLM, rows: Iterable[TrainRow]) -> Iterator[tuple[int, int]]:
    """Positions and rows of logits of each pass: one for each view of each row."""
    for row in rows:
        logits = len(row.response)
        for prompt in (row.prompt, *row.views.values()):
            yield len(prompt) + lm.hidden_per_example + logits, logits


def _forward(lm: PersonalLM, passes: Iterable[tuple[int, int]]) -> int:
    models = readers(lm)
    return sum(model.forward(*each) for each in passes for model in models)


def _reader(model: nn.Module, writes: bool) -> Reader:
    config: Any = model.config
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    body = sum(
        part.numel()
        for module in decoder_of(model).modules()
        if not isinstance(module, nn.Embedding)
        for part in module.parameters(recurse=False)
        if part.ndim > 1
    )
    output: Any = model.get_output_embeddings()  # type: ignore[operator]
    head = output.weight.numel() if writes else 0
    trains = any(part.requires_grad for part in model.parameters())
    return Reader(body, head, config.num_hidden_layers * heads * width, trains)
