"""A key-value cache that grows in blocks, so that a decoding step copies one column, not all."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import (
    DummyLayer,
    DynamicCache,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
    LinearAttentionCacheLayerMixin,
    LinearAttentionLayer,
)

BLOCK = 256
"""Columns by which a full buffer grows."""

KNOWN = (
    DummyLayer,
    DynamicLayer,
    DynamicSlidingWindowLayer,
    LinearAttentionAndFullAttentionLayer,
    LinearAttentionAndSlidingWindowAttentionLayer,
    LinearAttentionLayer,
)
"""Kinds of layers that read padded rows right, whatever their length. Others, which choose or
compress what they look at, may do so only past a length that no check at load can afford."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values [B,H,T,d] as a view of a larger buffer.

    With gradients enabled it falls back to concatenation, which autograd can follow.
    """

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            updated: tuple[Tensor, Tensor] = super().update(key_states, value_states)
            return updated
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        known = self.get_seq_length()
        self.keys = self._append("_key_buffer", self.keys, key_states, known)
        self.values = self._append("_value_buffer", self.values, value_states, known)
        return self.keys, self.values

    def _append(self, name: str, view: Tensor | None, new: Tensor, known: int) -> Tensor:
        end = known + new.size(-2)
        buffer: Tensor | None = getattr(self, name, None)
        moved = (
            known
            and view is not None
            and buffer is not None
            and view.data_ptr() != buffer.data_ptr()
        )
        if buffer is None or moved or buffer.size(-2) < end:
            buffer = new.new_empty((*new.shape[:-2], end + BLOCK, new.size(-1)))
            if known and view is not None:
                buffer[..., :known, :] = view
            setattr(self, name, buffer)
        buffer[..., known:end, :] = new
        return buffer[..., :end, :]


def growing_cache(model: nn.Module) -> DynamicCache:
    """An empty cache for `model`; its plain layers grow in blocks, special ones are left."""
    config: Any = model.config
    cache = DynamicCache(config=config)
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def unknown_layers(cache: Any) -> list[str]:
    """Names of the kinds of layers in `cache` that are not among `KNOWN`."""
    kinds = {type(layer) for layer in cache.layers} - {*KNOWN, GrowingLayer}
    return sorted(kind.__name__ for kind in kinds)


def recurrent(cache: Any) -> bool:
    """Whether some layer keeps a running state (SSM, linear attention, convolution).

    transformers reads such a layer right from an empty cache, or by one column more; it writes
    the state in place, where no gradient can follow.
    """
    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in cache.layers)


def tensors_of(cache: Any) -> list[Tensor]:
    """All tensors that the layers of a cache hold, whatever their kind."""
    return [tensor for layer in cache.layers for tensor in _tensors(vars(layer))]


def _tensors(held: Any) -> list[Tensor]:
    if isinstance(held, Tensor):
        return [held]
    if isinstance(held, dict):
        held = held.values()
    elif not isinstance(held, list | tuple):
        return []
    return [tensor for part in held for tensor in _tensors(part)]
