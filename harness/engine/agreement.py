"""Does the engine read a backbone as transformers does? Asked of every model when it is loaded."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from harness.engine.cache import unknown_layers
from harness.engine.lm import embed, embedding_matrix, extend, head, start
from harness.errors import UsageError

TOKENS = 8
TOLERANCE = 1e-3
"""Largest gap between logits, in shares of the largest one: rounding stays far below."""


@torch.inference_mode()
def refuse_disagreement(name: str, model: nn.Module) -> None:
    """Read a few tokens, half of them by steps, and compare the logits with the model's own.

    Raises UsageError where they differ (a family that scales its logits in its own way, or keeps
    no key-value cache), or where a weight is no number.
    """
    for key, part in model.named_parameters():
        if not part.isfinite().all():
            raise UsageError(
                f"backbone {name!r}: {key} holds NaN or infinity; expected finite weights."
                " Get the model again"
            )
    whole: Any = model
    vocabulary = embedding_matrix(model).size(0)
    row = torch.linspace(1, vocabulary - 1, TOKENS).long()[None]
    real = torch.ones_like(row, dtype=torch.bool)
    half = TOKENS // 2
    try:
        known = whole(input_ids=row, use_cache=False).logits
        begin, state = start(model, embed(model, row[:, :half]), real[:, :half])
        rest = [
            extend(model, embed(model, row[:, at : at + 1]), state) for at in range(half, TOKENS)
        ]
        given = head(model, torch.cat([begin, *rest], dim=1))
        strange = unknown_layers(state.cache)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever a family of the future raises
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}) cannot be read: {error}; expected a"
            " decoder-only causal LM that takes embeddings and keeps a key-value cache"
        ) from error
    if strange:
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}): layers of the kind {', '.join(strange)},"
            " which choose what they look at, padding too; expected plain or sliding attention, or"
            " layers with a running state. Choose another family"
        )
    largest = known.abs().max().item()
    gap = (known - given).abs().max().item()
    if not gap <= TOLERANCE * max(1.0, largest):
        raise UsageError(
            f"backbone {name!r} ({type(model).__name__}): the engine's logits differ from the"
            f" model's own by {gap:.2g} where the largest is {largest:.2g}; expected a causal LM"
            " with a key-value cache whose logits are its head's. Choose another family"
        )
