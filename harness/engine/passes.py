"""Passes of one model that remember what they read: through transformers, or by the lean step."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.engine.batch import positions
from harness.engine.checkpointed_cache import is_piecewise, kept_by_checkpoints
from harness.engine.kv_cache import growing_cache, recurrent, stacked_cache, tensors_of
from harness.engine.lean_models import lean_decoder
from harness.engine.lean_state import LeanState


def embedding_matrix(model: nn.Module) -> Tensor:
    """Input embedding matrix [V,D]."""
    weight: Tensor = model.get_input_embeddings().weight  # type: ignore[operator]
    return weight


def embed(model: nn.Module, tokens: Tensor) -> Tensor:
    """Input embeddings [B,T,D] of tokens [B,T]."""
    embeddings: Tensor = model.get_input_embeddings()(tokens)  # type: ignore[operator]
    return embeddings


def decoder_of(model: nn.Module) -> nn.Module:
    """The part of a causal LM that maps embeddings to hidden states after the final norm."""
    decoder = getattr(model, "base_model", None)
    if not isinstance(decoder, nn.Module) or decoder is model:
        raise ValueError(
            f"{type(model).__name__} has no decoder below its head; expected a causal LM"
        )
    return decoder


def hidden_states(model: nn.Module, **inputs: Any) -> Tensor:
    """Hidden states [B,T,D] of `model` after its final norm, without logits."""
    state: Tensor = decoder_of(model)(**inputs).last_hidden_state
    return state


@dataclass
class CacheState:
    """A model's key-value cache, its real columns [B,T], and the lengths [B] of its rows."""

    cache: Any
    real: Tensor
    lengths: Tensor

    def tensors(self) -> list[Tensor]:
        """All tensors that the next step reads."""
        return [self.real, self.lengths, *tensors_of(self.cache)]


State = CacheState | LeanState
"""What one model remembers of the rows that it reads."""


def start(model: nn.Module, embeddings: Tensor, real: Tensor) -> tuple[Tensor, State]:
    """Read left-padded embeddings [B,T,D]: (hidden [B,T,D], state). real [B,T], True at tokens."""
    decoder = lean_decoder(model)
    if decoder is None:
        return start_cache(model, embeddings, real)
    hidden, state = decoder.start(embeddings[None], real)
    return hidden[0], state


def extend(model: nn.Module, embeddings: Tensor, state: State) -> Tensor:
    """Append columns of embeddings [B,t,D], real in every row: hidden [B,t,D]. Changes `state`."""
    if isinstance(state, LeanState):
        return state.decoder.extend(embeddings[None], state)[0]
    return extend_cache(model, embeddings, state)


def keep(state: object, rows: Tensor) -> LeanState | None:
    """The state of these rows alone; None for one that is not the lean step's."""
    return state.keep(rows) if isinstance(state, LeanState) else None


def stacked_caches(states: Sequence[State]) -> CacheState | None:
    """One state of all rows, those of the first state first, with equally many rows in each.

    None where that cannot be done: the lean step's states, and caches that are not plain.
    """
    known = [state for state in states if isinstance(state, CacheState)]
    cache = stacked_cache([state.cache for state in known]) if len(known) == len(states) else None
    if cache is None:
        return None
    end = max(state.real.size(1) for state in known)
    real = torch.cat([F.pad(state.real, (end - state.real.size(1), 0)) for state in known])
    return CacheState(cache, real, torch.cat([state.lengths for state in known]))


def start_cache(model: nn.Module, embeddings: Tensor, real: Tensor) -> tuple[Tensor, CacheState]:
    """`start` through transformers, with a new cache."""
    state = CacheState(growing_cache(model), real, real.sum(-1))
    return _read(model, embeddings, state, positions(real)), state


def extend_cache(model: nn.Module, embeddings: Tensor, state: CacheState) -> Tensor:
    """`extend` through transformers.

    If a layer keeps a running state, columns are appended one by one.
    """
    count = embeddings.size(1)
    if count > 1 and recurrent(state.cache):
        return torch.cat(
            [extend_cache(model, column, state) for column in embeddings.split(1, 1)], 1
        )
    state.real = F.pad(state.real, (0, count), value=True)
    state.lengths = state.lengths + count
    steps = torch.arange(-count, 0, device=embeddings.device)
    return _read(model, embeddings, state, state.lengths[:, None] + steps)


def _read(model: nn.Module, embeddings: Tensor, state: CacheState, positions: Tensor) -> Tensor:
    """Append embeddings [B,t,D] at positions [B,t] to the cache of `state`: hidden [B,t,D].

    state: its lengths and real columns cover the new columns already.
    """
    padded = not bool((state.lengths == state.real.size(1)).all())
    mask = {"attention_mask": state.real.long()} if padded else {}
    pieces = is_piecewise(state.cache)
    with kept_by_checkpoints(model, state.cache) if pieces else nullcontext():
        return hidden_states(
            model,
            inputs_embeds=embeddings,
            position_ids=positions,
            past_key_values=state.cache,
            use_cache=not pieces,  # transformers warns that it drops a cache, which stays here
            **mask,
        )
