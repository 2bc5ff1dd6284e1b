"""A key-value cache under gradient checkpointing.

A checkpointed layer of transformers drops the cache, because recomputing it would append its
columns twice. Here each layer gets the cached columns as inputs of its checkpoint and returns the
new ones, so that a prompt is read once, however many passes follow it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers.cache_utils import DynamicCache, DynamicLayer
from transformers.modeling_layers import GradientCheckpointingLayer

FUNCTION = "_gradient_checkpointing_func"
"""Attribute of a layer: what it checkpoints with."""
KEEPS = "_checkpoints_keep_cache"
"""Attribute of a model: whether its checkpointed layers keep a cache, once that is known."""


class PieceLayer(DynamicLayer):
    """One layer's keys and values [B,H,t,d], a piece for each pass. `new`: of the last update."""

    def __init__(self, pieces: tuple[tuple[Tensor, Tensor], ...] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pieces = pieces
        self.new: tuple[Tensor, Tensor] | None = None

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        self.new = (key_states, value_states)
        keys, values = zip(*self.pieces, self.new, strict=True)
        return torch.cat(keys, -2), torch.cat(values, -2)

    def get_seq_length(self, *args: Any) -> int:
        return sum(keys.size(-2) for keys, _ in self.pieces)


def checkpointed(model: nn.Module) -> bool:
    """Whether passes of `model` recompute its activations, and so drop a cache."""
    return model.training and any(
        getattr(part, "gradient_checkpointing", False) for part in model.modules()
    )


def piecewise_cache(model: nn.Module) -> DynamicCache | None:
    """An empty cache that checkpointed layers keep; None for a model whose layers differ."""
    cache = _empty(model)
    if cache is not None and not hasattr(model, KEEPS):
        setattr(model, KEEPS, _keeps(model, cache))
        cache = _empty(model)
    return cache if getattr(model, KEEPS, False) else None


def is_piecewise(cache: Any) -> bool:
    return any(isinstance(layer, PieceLayer) for layer in cache.layers)


def _empty(model: nn.Module) -> DynamicCache | None:
    cache = DynamicCache(config=model.config)  # type: ignore[arg-type]
    plain = all(type(layer) is DynamicLayer for layer in cache.layers)
    if not plain or len(cache.layers) != len(_layers(model)):
        return None
    cache.layers = [PieceLayer() for _ in cache.layers]
    return cache


@torch.no_grad()
def _keeps(model: nn.Module, cache: DynamicCache) -> bool:
    """Whether a pass over one column extends the cache; some models do not give it to layers."""
    weight = model.get_input_embeddings().weight  # type: ignore[operator]
    column = weight.new_zeros(1, 1, weight.size(-1))
    with torch.random.fork_rng(), kept_by_checkpoints(model, cache):
        model.base_model(inputs_embeds=column, past_key_values=cache, use_cache=False)  # type: ignore[operator]
    return all(isinstance(layer, PieceLayer) and layer.pieces for layer in cache.layers)


@contextmanager
def kept_by_checkpoints(model: nn.Module, cache: DynamicCache) -> Iterator[None]:
    """A pass of `model` in here reads and extends `cache`, one of `piecewise_cache`."""
    layers = _layers(model)
    known = [vars(layer).get(FUNCTION) for layer in layers]
    for index, layer in enumerate(layers):
        setattr(layer, FUNCTION, partial(_checkpoint, cache, index))
        layer._can_checkpoint_with_cache = True  # type: ignore[assignment]
    try:
        yield
    finally:
        for layer, function in zip(layers, known, strict=True):
            setattr(layer, FUNCTION, function)
            del layer._can_checkpoint_with_cache


def _checkpoint(cache: DynamicCache, index: int, work: partial[Any], *inputs: Any) -> Any:
    """One layer's output, recomputed in the backward pass; its new columns go to the cache.

    work: the layer's forward with its keywords. inputs: its positional arguments.
    """
    own: Any = cache.layers[index]
    cached = [part for piece in own.pieces for part in piece]

    def run(*given: Any) -> Any:
        pieces = given[: len(cached)]
        layer = PieceLayer(tuple(zip(pieces[::2], pieces[1::2], strict=True)))
        private = copy(cache)
        private.layers = [*cache.layers]
        private.layers[index] = layer
        own_inputs = [private if each is cache else each for each in given[len(cached) :]]
        names = [name for name, each in work.keywords.items() if each is cache]
        return work(*own_inputs, **dict.fromkeys(names, private)), layer.new

    output, new = checkpoint(run, *cached, *inputs, use_reentrant=False)
    if new is not None:
        own.pieces = (*own.pieces, new)
    return output


def _layers(model: nn.Module) -> list[nn.Module]:
    """The decoder layers of `model`, in order."""
    return [part for part in model.modules() if isinstance(part, GradientCheckpointingLayer)]
