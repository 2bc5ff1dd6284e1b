"""Logits and log-probs of tokens from hidden states."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from harness.engine.batch import Batch
from harness.engine.lean_products import product
from harness.engine.lean_state import LeanState
from harness.engine.passes import embedding_matrix

FACTORS = ("logit_scale", "lm_head_multiplier")
"""In configs: what logits are multiplied by (Cohere, Falcon-H1)."""
CAPS = ("final_logit_softcapping", "logits_soft_cap")
"""In configs: the bound of logits (Gemma, RecurrentGemma)."""
MULTIPLY = ("hyperclovax",)
"""Families that multiply by `logits_scaling`; Granite and MiniCPM3 divide."""
LOGITS_AT_ONCE = 1 << 26
"""Most logits (rows × vocabulary) held at a time while log-probs are computed."""


def head(model: nn.Module, hidden: Tensor, state: object = None) -> Tensor:
    """Logits [...,V] of hidden states [...,D], with the scale or cap of some families.

    state: of the pass that gave hidden states [B,D]; after a lean step the product is lean too.
    """
    output: Any = model.get_output_embeddings()  # type: ignore[operator]
    if isinstance(state, LeanState) and type(output) is nn.Linear:
        bias = None if output.bias is None else output.bias[None, None]
        return _scaled(model, product(hidden[None], output.weight[None], bias)[0])
    return _scaled(model, output(hidden))


def _scaled(model: nn.Module, logits: Tensor) -> Tensor:
    config: Any = model.config
    for name in FACTORS:
        if (factor := getattr(config, name, None)) is not None:
            logits = logits * factor
    if (scale := getattr(config, "logits_scaling", None)) is not None:
        logits = logits * scale if config.model_type in MULTIPLY else logits / scale
    for name in CAPS:
        if (cap := getattr(config, name, None)) is not None:
            logits = cap * torch.tanh(logits / cap)
    return logits


def precise_head(model: nn.Module, hidden: Tensor) -> Tensor:
    """`head` for log-probs, in float32.

    Without gradients, that is for likelihoods, its products are not rounded to bfloat16 either. A
    head that is no plain linear layer keeps the type of its weights.
    """
    if torch.is_grad_enabled():
        return precise(head(model, hidden))
    output = model.get_output_embeddings()  # type: ignore[operator]
    plain = type(output) is nn.Linear
    wide = plain and hidden.dtype is output.weight.dtype is torch.float32
    if not plain or (wide and not torch.is_autocast_enabled(hidden.device.type)):
        return head(model, hidden).float()
    with torch.autocast(hidden.device.type, enabled=False):
        bias = None if output.bias is None else output.bias.float()
        logits = F.linear(hidden.float(), output.weight.float(), bias)
        return _scaled(model, logits)


def precise(logits: Tensor) -> Tensor:
    """Logits in float32, or in float64 if they have it."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def token_logprobs(model: nn.Module, hidden: Tensor, batch: Batch) -> Tensor:
    """Log p [B,R] of the response, from the hidden states [B,R,D] that predict each token.

    Logits are those of `precise_head`, at response tokens only, one block at a time.
    """
    mask = batch.response_mask
    states, targets = hidden[mask], batch.response_ids[mask]
    block = max(1, LOGITS_AT_ONCE // embedding_matrix(model).size(0))

    def block_logprobs(part: Tensor, ids: Tensor) -> Tensor:
        return -F.cross_entropy(precise_head(model, part), ids, reduction="none")

    recompute = torch.is_grad_enabled() and len(states) > block
    parts = [
        checkpoint(block_logprobs, part, ids, use_reentrant=False)
        if recompute
        else block_logprobs(part, ids)
        for part, ids in zip(states.split(block), targets.split(block), strict=True)
    ]
    flat = torch.cat(parts)
    return torch.zeros(mask.shape, dtype=flat.dtype, device=flat.device).masked_scatter(mask, flat)
