"""FLOPs of training and generation, estimated from lengths. Computed only here.

Forward: a position costs 2 for each number in the matrices that it passes, plus, in each layer,
4 · attention width for each position it attends to (2 for the score, 2 for the value). Logits cost
2 · D · V. Backward costs twice as much (Kaplan et al. 2020, section 2.1 and table 1; Chowdhery et
al. 2022, appendix B, whose 6N + 12LHQT per token counts unmasked attention; ours is causal): once
for the gradients of what a matrix reads, and once for its own, which a frozen matrix below an
adapter does not have.

Both sizes come from PyTorch's counter, on short passes of each model: what grows with the length,
and what grows with its square. So a layer that runs twice counts twice, and of a mixture of experts
only the experts that a token is sent to.

All models of a method count, as its `PersonalLM.passes` says: both of FlyThinker's, Coconut's
thoughts as positions between prompt and text, every further view of a prompt. Not counted:
look-ups, rotary angles, norms, softmax, the optimizer, padding, sliding windows, and recomputation
under gradient checkpointing. Layers with a running state are not covered: `missing` returns the
reason and the record holds null.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from harness.engine.batch import Rows, Views
from harness.engine.four_bits import countable
from harness.engine.kv_cache import growing_cache, recurrent
from harness.engine.lm import (
    Pass,
    PersonalLM,
    RowLengths,
    causal_lms,
    embed,
    embedding_matrix,
    hidden_states,
)
from harness.engine.micro_batches import TrainRow

LENGTHS = 4, 8, 16
"""Tokens of the counted passes: the last two give the estimate, the first one checks it."""
TOLERANCE = 0.15
"""Largest relative difference of the check: experts without matrices make counts vary."""
REMEDY = "compare such runs by their seconds and tokens per second"


class NoEstimateError(ValueError):
    """The FLOPs of a model cannot be estimated; the message says why and what to compare."""


@dataclass(frozen=True)
class ModelCost:
    """What the FLOPs of one causal LM depend on.

    body: numbers in its layers' matrices. head: numbers in its output matrix; 0 for a reasoner,
    which computes no logits. attention: layers · heads · head width. trained_body, trained_head:
    numbers of body and head whose matrices need gradients. trains: whether any parameter does.
    """

    body: int
    head: int
    attention: int
    trained_body: int
    trained_head: int
    trains: bool

    def forward(self, positions: int, logits: int) -> int:
        """FLOPs of a causal pass over `positions`, whole or in steps; `logits` rows of logits."""
        return self._pass(self.body, self.head, positions, logits)

    def training(self, positions: int, logits: int, backward: bool | None = None) -> int:
        """FLOPs of a forward pass and of the backward pass through it.

        backward: whether there is one; None: in a model that trains.
        """
        forward = self.forward(positions, logits)
        if not (self.trains if backward is None else backward):
            return forward
        weights = self._pass(self.trained_body, self.trained_head, positions, logits)
        return 2 * forward + weights

    def _pass(self, body: int, head: int, positions: int, logits: int) -> int:
        pairs = positions * (positions + 1) // 2
        return 2 * body * positions + 4 * self.attention * pairs + 2 * head * logits


def missing(lm: PersonalLM) -> str | None:
    """Why the FLOPs of `lm` cannot be estimated, and what to compare instead; None if they can."""
    try:
        model_costs(lm)
    except NoEstimateError as error:
        return str(error)
    return None


def model_costs(lm: PersonalLM) -> list[ModelCost]:
    """The costs of every causal LM in `lm`; full attention is assumed.

    Raises NoEstimateError for a model whose FLOPs are not a sum of a linear and a square term.
    """
    reasoner = getattr(lm, "reasoner", None)
    costs = []
    for _, model in causal_lms(lm):
        body, attention = _known_sizes(model)
        matrix = model.get_output_embeddings().weight
        head = 0 if model is reasoner else matrix.numel()
        costs.append(
            ModelCost(
                body=body,
                head=head,
                attention=attention,
                trained_body=_trained(model, body),
                trained_head=head * matrix.requires_grad,
                trains=any(part.requires_grad for part in model.parameters()),
            )
        )
    return costs


def _trained(model: PreTrainedModel, body: int) -> int:
    """Numbers of `body` in matrices that need gradients: all, or those of adapters."""
    if all(part.requires_grad for part in model.parameters()):
        return body
    ends = {id(embedding_matrix(model)), id(model.get_output_embeddings().weight)}
    matrices = [part for part in model.parameters() if part.ndim > 1 and id(part) not in ends]
    return min(body, sum(part.numel() for part in matrices if part.requires_grad))


_SIZES: dict[Hashable, tuple[int, int]] = {}
"""Structure of a model → its sizes, which are the same in every run with such a model."""


def _known_sizes(model: PreTrainedModel) -> tuple[int, int]:
    """`_sizes`, counted once for each class, configuration and tensors' names and shapes."""
    shapes = tuple((name, tuple(part.shape)) for name, part in model.named_parameters())
    structure = type(model), model.config.to_json_string(), shapes
    if structure not in _SIZES:
        _SIZES[structure] = _sizes(model)
    return _SIZES[structure]


def _sizes(model: PreTrainedModel) -> tuple[int, int]:
    """Numbers in the matrices of the layers, and attention width, from counted passes."""
    name = type(model).__name__
    try:
        if recurrent(growing_cache(model)):
            raise NoEstimateError(
                f"{name} has layers with a running state, which PyTorch's counter does not know;"
                f" {REMEDY}"
            )
        check, short, long = (_counted(model, length) for length in LENGTHS)
    except NoEstimateError:
        raise
    except Exception as error:  # an estimate ends no run; the check at load says what cannot run
        raise NoEstimateError(f"{name} cannot be counted: {error}; {REMEDY}") from error
    # count(n) = linear · n + square · n²
    first, middle, last = LENGTHS
    square = (long / last - short / middle) / (last - middle)
    linear = short / middle - square * middle
    expected = linear * first + square * first**2
    if not abs(check / expected - 1) <= TOLERANCE:
        raise NoEstimateError(
            f"{first} tokens cost {check:.3g} FLOPs in the layers of {name}, where the counts of"
            f" {middle} and {last} say {expected:.3g}; {REMEDY}"
        )
    return round(linear / 2), round(square / 4)


@torch.no_grad()
def _counted(model: PreTrainedModel, length: int) -> int:
    """FLOPs of one pass over `length` tokens without logits and rotary angles."""
    counter, config = FlopCounterMode(display=False), model.config
    matrix = embedding_matrix(model)
    ids = torch.arange(length, device=matrix.device)[None] % matrix.size(0)
    attention, experts = config._attn_implementation, config._experts_implementation
    try:  # the counter does not know fused attention on CPUs, nor grouped products
        model.set_attn_implementation("eager")
        config._experts_implementation = "eager"
        with countable(model), counter:
            hidden_states(model, inputs_embeds=embed(model, ids), use_cache=False)
    finally:
        model.set_attn_implementation(attention)
        config._experts_implementation = experts
    angles = (
        sum(by_kind.values())
        for module, by_kind in counter.get_flop_counts().items()
        if module.endswith("rotary_emb")
    )
    return counter.get_total_flops() - sum(angles)


def training_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """Forward and backward over each row once (repeat rows for more epochs).

    A model without trainable parameters counts forward only, unless its pass says otherwise.
    """
    return sum(
        cost.training(each.positions, each.logits, each.backward)
        for cost, each in costed_passes(lm, map(trained_lengths, rows), training=True)
    )


def forward_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """One forward pass over each row, as for its loss."""
    return _forward(lm, map(trained_lengths, rows), training=True)


def generation_flops(lm: PersonalLM, prompts: Rows, texts: Rows, views: Views | None = None) -> int:
    """Prefill and steps of each text: every token is read once, and a token is drawn after each.

    Count a text with a preface as two texts: the preface, then the text after prompt and preface.
    """
    rows = (
        row_lengths(
            prompts[index],
            {name: rows[index] for name, rows in (views or {}).items()},
            len(text),
            len(text) + 1,
        )
        for index, text in enumerate(texts)
    )
    return _forward(lm, rows, training=False)


def row_lengths(
    prompt: Sequence[int], views: Mapping[str, Sequence[int]], text: int, logits: int
) -> RowLengths:
    """The lengths of a row's main prompt and further views, and of what follows them."""
    prompts = {"main": prompt, **views}
    return RowLengths({name: len(each) for name, each in prompts.items()}, text, logits)


def trained_lengths(row: TrainRow) -> RowLengths:
    """The lengths of a training row."""
    return row_lengths(row.prompt, row.views, len(row.response), len(row.response))


def _forward(lm: PersonalLM, rows: Iterable[RowLengths], training: bool) -> int:
    return sum(
        cost.forward(each.positions, each.logits)
        for cost, each in costed_passes(lm, rows, training)
    )


def costed_passes(
    lm: PersonalLM, rows: Iterable[RowLengths], training: bool
) -> Iterator[tuple[ModelCost, Pass]]:
    """Every pass over the rows, with the cost of its model."""
    models = (model for _, model in causal_lms(lm))
    costs = dict(zip(models, model_costs(lm), strict=True))
    for row in rows:
        for each in lm.passes(row, training):
            yield costs[each.model], each
