"""A key-value cache that grows in blocks, so that a step copies one column instead of all."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves
from transformers import cache_utils
from transformers.cache_utils import DynamicCache, DynamicLayer, LinearAttentionCacheLayerMixin

from harness.engine.checkpointed_cache import checkpointed, piecewise_cache

BLOCK = 256
"""Columns added when a buffer is full."""

KNOWN = (
    cache_utils.DummyLayer,
    DynamicLayer,
    cache_utils.DynamicSlidingWindowLayer,
    cache_utils.LinearAttentionAndFullAttentionLayer,
    cache_utils.LinearAttentionAndSlidingWindowAttentionLayer,
    cache_utils.LinearAttentionLayer,
)
"""Cache layers that handle padding correctly at any length. Other kinds, which select or compress
positions, may start doing so only at lengths too long for the check at load."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values [B,H,T,d], as views of larger buffers.

    With gradients enabled it concatenates instead, which autograd can follow.
    """

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            updated: tuple[Tensor, Tensor] = super().update(key_states, value_states)
            return updated
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        length = self.get_seq_length()
        self.keys = self._append("_key_buffer", self.keys, key_states, length)
        self.values = self._append("_value_buffer", self.values, value_states, length)
        return self.keys, self.values

    def _append(self, name: str, view: Tensor | None, new: Tensor, length: int) -> Tensor:
        end = length + new.size(-2)
        buffer: Tensor | None = getattr(self, name, None)
        replaced = (
            length
            and view is not None
            and buffer is not None
            and view.data_ptr() != buffer.data_ptr()
        )
        if buffer is None or replaced or buffer.size(-2) < end:
            buffer = new.new_empty((*new.shape[:-2], end + BLOCK, new.size(-1)))
            if length and view is not None:
                buffer[..., :length, :] = view
            setattr(self, name, buffer)
        buffer[..., length:end, :] = new
        return buffer[..., :end, :]


def growing_cache(model: nn.Module) -> DynamicCache:
    """An empty cache for `model`. Plain layers grow in blocks; other kinds stay as they are.

    Under gradient checkpointing it has pieces, where the model's layers can keep them.
    """
    if torch.is_grad_enabled() and checkpointed(model):
        pieces = piecewise_cache(model)
        if pieces is not None:
            return pieces
    config: Any = model.config
    cache = DynamicCache(config=config)
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def stacked_cache(caches: Sequence[Any]) -> DynamicCache | None:
    """One cache of all rows, those of the first cache first; None for other layers than plain ones.

    All rows end at the same column, so shorter caches move to the right, after columns of zeros.
    """
    if not all(type(layer) is GrowingLayer for cache in caches for layer in cache.layers):
        return None
    stacked: DynamicCache = copy(caches[0])
    end = max(cache.get_seq_length() for cache in caches)
    stacked.layers = []
    for layers in zip(*[cache.layers for cache in caches], strict=True):
        keys, values = (
            torch.cat([F.pad(part, (0, 0, end - part.size(-2), 0)) for part in parts])
            for parts in zip(*[(each.keys, each.values) for each in layers], strict=True)
        )
        layer = GrowingLayer()
        layer.update(keys, values)
        stacked.layers.append(layer)
    return stacked


def unknown_layers(cache: Any) -> list[str]:
    """Names of the layer kinds in `cache` that are not in `KNOWN`."""
    kinds = {type(layer) for layer in cache.layers} - {*KNOWN, GrowingLayer}
    return sorted(kind.__name__ for kind in kinds)


def recurrent(cache: Any) -> bool:
    """Whether a layer keeps a running state (SSM, linear attention, convolution).

    transformers supports such a layer with an empty cache or one new column only. It updates the
    state in place, so no gradient flows through it.
    """
    return any(isinstance(layer, LinearAttentionCacheLayerMixin) for layer in cache.layers)


def tensors_of(cache: Any) -> list[Tensor]:
    """All tensors in the layers of a cache, of any kind."""
    parts = tree_leaves([vars(layer) for layer in cache.layers])
    return [part for part in parts if isinstance(part, Tensor)]
