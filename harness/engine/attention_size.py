"""How large the attention of a causal LM is, by its config: heads, and keys and values."""

from __future__ import annotations

from typing import Any


def attention_size(config: Any) -> tuple[int, int]:
    """The width of all heads, and the numbers of keys and values of a token, summed over layers.

    config: of the decoder. Layers may differ, e.g. Gemma 4's with and without a window. Layers that
    cache less (a running state, compressed keys) count as if they had keys and values: a bound.
    """
    layers = getattr(config, "per_layer_config", None) or [config] * config.num_hidden_layers
    widths = keys = 0
    for layer in layers:
        heads = layer.num_attention_heads
        width = getattr(layer, "head_dim", None) or layer.hidden_size // heads
        widths += heads * width
        keys += 2 * width * (getattr(layer, "num_key_value_heads", None) or heads)
    return widths, keys
