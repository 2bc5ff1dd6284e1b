"""FLOPs of training and generation, estimated from lengths. Computed only here.

Forward: a position costs 2 for each number in the layers' matrices, plus, in each layer,
4 · attention width for each position it attends to (2 for the score, 2 for the value). Logits cost
2 · D · V. Backward costs twice as much (Kaplan et al. 2020, section 2.1 and table 1; Chowdhery et
al. 2022, appendix B, whose 6N + 12LHQT per token counts unmasked attention; ours is causal).

All models of a method count: both of FlyThinker's, Coconut's thoughts as positions between prompt
and text, every further view of a prompt. In a mixture of experts, only the experts that a token is
sent to count. Not counted: look-ups, norms, softmax, the optimizer, padding, sliding windows, and
recomputation under gradient checkpointing. For models that are not covered (recurrent layers,
unknown configs), `missing` returns the reason and the record holds null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from harness.engine.batch import Rows
from harness.engine.fits import causal_lms
from harness.engine.lm import PersonalLM, decoder_of, embed, embedding_matrix, hidden_states
from harness.engine.train import TrainRow

BACKWARD = 2
"""Cost of a backward pass in forward passes."""
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
CHOSEN = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts")
"""Names in configs of the number of experts, and of experts per token."""

PASS, TOLERANCE = 4, 0.15
"""Tokens of the counted pass, and the allowed relative difference from the estimate. Attention over
so few tokens is within it."""


class NoEstimateError(ValueError):
    """The FLOPs of a model cannot be estimated; the message says why."""


@dataclass(frozen=True)
class ModelCost:
    """What the FLOPs of one causal LM depend on.

    body: numbers in its layers' matrices. head: numbers in its output matrix; 0 for a reasoner,
    which computes no logits. attention: layers · heads · head width. trains: whether any parameter
    needs gradients.
    """

    body: int
    head: int
    attention: int
    trains: bool

    def forward(self, positions: int, logits: int) -> int:
        """FLOPs of a causal pass over `positions`, whole or in steps; `logits` rows of logits."""
        pairs = positions * (positions + 1) // 2
        return 2 * self.body * positions + 4 * self.attention * pairs + 2 * self.head * logits


def missing(lm: PersonalLM) -> str | None:
    """Why the FLOPs of `lm` cannot be estimated, or None.

    One short pass of each model is counted and compared with the estimate. They differ, for
    example, if a layer runs twice.
    """
    try:
        for model, reader in zip(_models(lm), model_costs(lm), strict=True):
            counted, expected = _counted(model), 2 * reader.body * PASS
            if not abs(counted / expected - 1) <= TOLERANCE:
                return (
                    f"{PASS} tokens cost {counted:.3g} FLOPs in the layers of"
                    f" {type(model).__name__}, where its matrices say {expected:.3g}"
                )
    except NoEstimateError as error:
        return str(error)
    return None


@torch.no_grad()
def _counted(model: nn.Module) -> float:
    """FLOPs of one pass over a few tokens without logits, by PyTorch's counter."""
    counter, config = FlopCounterMode(display=False), cast(Any, model.config)
    device = embedding_matrix(model).device
    experts = config._experts_implementation
    try:
        config._experts_implementation = "eager"  # the counter does not know the grouped products
        with counter:
            ids = torch.arange(1, PASS + 1, device=device)[None]
            hidden_states(model, inputs_embeds=embed(model, ids), use_cache=False)
    except Exception as error:  # an estimate ends no run; the check at load says what cannot run
        raise NoEstimateError(f"{type(model).__name__} cannot be counted: {error}") from error
    finally:
        config._experts_implementation = experts
    return float(counter.get_total_flops())


def model_costs(lm: PersonalLM) -> list[ModelCost]:
    """The costs of every causal LM in `lm`; full attention is assumed.

    Raises NoEstimateError for a model that is not a known transformer decoder.
    """
    reasoner = getattr(lm, "reasoner", None)
    try:
        return [_model_cost(model, model is not reasoner) for model in _models(lm)]
    except NoEstimateError:
        raise
    except Exception as error:  # an unknown config must not end a run
        raise NoEstimateError(f"the config is of an unknown kind: {error}") from error


def _models(lm: PersonalLM) -> list[PreTrainedModel]:
    return [model for _, model in causal_lms(lm)]


def training_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """Forward and backward over each row once (repeat rows for more epochs).

    A model without trainable parameters counts forward only.
    """
    models = model_costs(lm)
    return sum(
        (1 + BACKWARD * model.trains) * model.forward(positions, logits)
        for positions, logits in _row_passes(lm, rows)
        for model in models
    )


def forward_flops(lm: PersonalLM, rows: Iterable[TrainRow]) -> int:
    """One forward pass over each row, as for its likelihood."""
    return _forward(lm, _row_passes(lm, rows))


def generation_flops(
    lm: PersonalLM, prompts: Rows, texts: Rows, views: Mapping[str, Rows] | None = None
) -> int:
    """Prefill and steps of each text: every token is read once, and a token is drawn after each.

    Count a text with a preface as two texts: the preface, then the text after prompt and preface.
    """
    return _forward(
        lm,
        (
            (len(rows[index]) + lm.hidden_per_example + len(text), len(text) + 1)
            for rows in (prompts, *(views or {}).values())
            for index, text in enumerate(texts)
        ),
    )


def _row_passes(lm: PersonalLM, rows: Iterable[TrainRow]) -> Iterator[tuple[int, int]]:
    """Positions and rows of logits of each pass: one pass per view of each row."""
    for row in rows:
        logits = len(row.response)
        for prompt in (row.prompt, *row.views.values()):
            yield len(prompt) + lm.hidden_per_example + logits, logits


def _forward(lm: PersonalLM, passes: Iterable[tuple[int, int]]) -> int:
    models = model_costs(lm)
    return sum(model.forward(*each) for each in passes for model in models)


def _model_cost(model: nn.Module, has_logits: bool) -> ModelCost:
    whole: Any = model
    config = whole.config.get_text_config(decoder=True)
    body = round(sum(part.numel() * _share(name, config) for name, part in _matrices(model)))
    output = whole.get_output_embeddings()
    head = output.weight.numel() if has_logits else 0
    trains = any(part.requires_grad for part in model.parameters())
    return ModelCost(body, head, _attention(config), trains)


def _attention(config: Any) -> int:
    """Heads · head width, summed over layers.

    Raises NoEstimateError if there are layers other than attention.
    """
    if getattr(config, "is_heterogeneous", False):  # Gemma 4
        return sum(_attention_width(layer) for layer in config.per_layer_config)
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None)
    others = {kind for kind in kinds or () if "attention" not in kind or "linear" in kind}
    if others:
        raise NoEstimateError(f"{config.model_type} has layers of other kinds: {sorted(others)}")
    if not isinstance(getattr(config, "num_attention_heads", None), int):
        raise NoEstimateError(f"the config of {config.model_type} has no number of attention heads")
    return int(config.num_hidden_layers) * _attention_width(config)


def _attention_width(config: Any) -> int:
    """Heads · head width; if the widths of keys and values differ (DeepSeek), their mean."""
    heads: int = config.num_attention_heads
    if getattr(config, "qk_nope_head_dim", None) and getattr(config, "v_head_dim", None):
        keys = config.qk_nope_head_dim + config.qk_rope_head_dim
        return int(heads * (keys + config.v_head_dim)) // 2
    return int(heads * (getattr(config, "head_dim", None) or config.hidden_size // heads))


def _matrices(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The matrices in the layers of `model` that multiply hidden states, by name."""
    decoder = decoder_of(model)
    embeddings = embedding_matrix(model)
    text = getattr(decoder, "language_model", decoder)  # not a vision tower
    for name, module in text.named_modules():
        if isinstance(module, nn.Embedding):
            continue
        for key, part in module.named_parameters(recurse=False):
            if part.ndim > 1 and part is not embeddings:
                yield f"{name}.{key}", part


def _share(name: str, config: Any) -> float:
    """The share of tokens that a matrix of experts processes; 1 for other matrices.

    Raises NoEstimateError if the config does not give the number of experts per token.
    """
    if "experts" not in name.split(".") or "shared_experts" in name:
        return 1.0
    experts, chosen = (
        next((n for key in keys if isinstance(n := getattr(config, key, None), int)), None)
        for keys in (EXPERTS, CHOSEN)
    )
    if not experts or not chosen:
        raise NoEstimateError(
            f"the config of {config.model_type} does not say how many experts it uses"
        )
    return chosen / experts
