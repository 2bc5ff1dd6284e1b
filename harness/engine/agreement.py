"""Check of every model at load: the engine's logits must equal the model's own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from harness.engine.kv_cache import unknown_layers
from harness.engine.lm import embed, embedding_matrix, extend, head, start
from harness.errors import UsageError

TOKENS = 8
TOLERANCE = 1e-3
"""Largest difference of logits, relative to the largest logit. Rounding stays far below."""


@torch.inference_mode()
def refuse_disagreement(name: str, model: nn.Module) -> None:
    """Run a few tokens, half of them in steps, and compare the logits with the model's own.

    Raises UsageError if they differ (a family with its own scale of logits, or without a key-value
    cache), or if a weight is not finite.
    """
    for key, part in model.named_parameters():
        if not part.isfinite().all():
            raise UsageError(
                f"backbone {name!r}: {key} holds NaN or infinity; expected finite weights."
                " Download the model again"
            )
    whole_model: Any = model
    vocabulary = embedding_matrix(model).size(0)
    row = torch.linspace(1, vocabulary - 1, TOKENS).long()[None]
    real = torch.ones_like(row, dtype=torch.bool)
    half = TOKENS // 2
    try:
        # 1. The model's own logits
        expected = whole_model(input_ids=row, use_cache=False).logits
        # 2. The engine's: prefill on the first half, steps on the rest
        first, state = start(model, embed(model, row[:, :half]), real[:, :half])
        steps = [
            extend(model, embed(model, row[:, column : column + 1]), state)
            for column in range(half, TOKENS)
        ]
        logits = head(model, torch.cat([first, *steps], dim=1))
        unknown = unknown_layers(state.cache)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # an unknown family may raise anything
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}) cannot be run: {error}; expected a"
            " decoder-only causal LM that takes embeddings and keeps a key-value cache"
        ) from error
    # 3. Compare
    if unknown:
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}): layers of the kind {', '.join(unknown)},"
            " which select the positions they attend to, padding included; expected full or sliding"
            " attention, or layers with a running state. Choose another family"
        )
    largest = expected.abs().max().item()
    gap = (expected - logits).abs().max().item()
    if not gap <= TOLERANCE * max(1.0, largest):
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}): the engine's logits differ from the"
            f" model's own by {gap:.2g} (largest logit {largest:.2g}); expected a causal LM with a"
            " key-value cache whose logits come from its output embeddings alone. Choose another"
            " family"
        )
