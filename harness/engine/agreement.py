"""Check of every model at load: the engine's logits must equal the model's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from harness.engine.kv_cache import unknown_layers
from harness.engine.lm import embed, embedding_matrix, head
from harness.engine.passes import extend_cache, start_cache
from harness.errors import UsageError

TOKENS = 8
TOLERANCE = 1e-3
"""Largest difference of logits, relative to the largest logit. Rounding stays far below."""
EAGER = "  mend      --set model.attention=eager, which passes the same check"


def refuse_disagreement(name: str, model: PreTrainedModel) -> None:
    """Raises UsageError if the engine's logits are not those of the model; see `disagreement`."""
    why = disagreement(model)
    if why is None:
        return
    eager = passes_with_eager([model], lambda: disagreement(model) is None)
    mend = f"\n{EAGER}" if eager else ""
    raise UsageError(f"backbone {name!r} ({type(model).__name__}){why}{mend}")


@torch.inference_mode()
def disagreement(model: PreTrainedModel) -> str | None:
    """Run a few tokens, half of them in steps, and compare the logits with the model's own.

    What is wrong with the model, or None: a weight that is not finite, a family with its own scale
    of logits or without a key-value cache, layers that select the positions they attend to.
    """
    for key, part in model.named_parameters():
        if not part.isfinite().all():
            return (
                f": {key} holds NaN or infinity; expected finite weights. Download the model again"
            )
    row = torch.linspace(1, embedding_matrix(model).size(0) - 1, TOKENS).long()[None]
    real, half = torch.ones_like(row, dtype=torch.bool), TOKENS // 2
    try:
        # 1. The model's own logits
        expected = model(input_ids=row, use_cache=False).logits
        # 2. The engine's: prefill on the first half, steps on the rest
        first, state = start_cache(model, embed(model, row[:, :half]), real[:, :half])
        rest = row[:, half:].split(1, 1)
        steps = [extend_cache(model, embed(model, token), state) for token in rest]
        logits = head(model, torch.cat([first, *steps], dim=1))
        unknown = unknown_layers(state.cache)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # an unknown family may raise anything
        return (
            f" cannot be run: {str(error) or type(error).__name__}; expected a decoder-only"
            " causal LM that takes embeddings and keeps a key-value cache"
        )
    # 3. Compare
    if unknown:
        return (
            f": layers of the kind {', '.join(unknown)}, which select the positions they attend"
            " to, padding included; expected full or sliding attention, or layers with a running"
            " state. Choose another family"
        )
    largest, gap = expected.abs().max().item(), (expected - logits).abs().max().item()
    if gap <= TOLERANCE * max(1.0, largest):
        return None
    return (
        f": the engine's logits differ from the model's own by {gap:.2g} (largest logit"
        f" {largest:.2g}); expected a causal LM with a key-value cache whose logits come from its"
        " output embeddings alone. Choose another family"
    )


def passes_with_eager(models: Sequence[PreTrainedModel], passes: Callable[[], bool]) -> bool:
    """Whether a check that failed passes with eager attention; the models stay as they were."""
    chosen = [model.config._attn_implementation for model in models]
    if all(each == "eager" for each in chosen):
        return False
    try:
        for model in models:
            model.set_attn_implementation("eager")
        return passes()
    except ValueError:
        return False
    finally:
        for model, each in zip(models, chosen, strict=True):
            model.set_attn_implementation(each)
