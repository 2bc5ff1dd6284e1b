"""Keys and values of a token by the config, beside the cache that two tokens fill."""

import pytest
import torch

from harness.engine import CausalLM
from harness.engine.attention_size import attention_size
from harness.engine.token_bound import tokens_at_once
from harness.planning.shapes import shape_of
from tests.support.tiny_families import FAMILIES, tiny_config, tiny_model

PLAIN = ("gemma3n_text", "gemma4_text", "gemma4_unified_text", "gpt2", "mpt", "qwen2")
"""Layers alike, layers that share keys, layers of several widths, and other names of settings."""


@pytest.mark.parametrize("family", PLAIN)
def test_keys_and_values_are_those_of_the_cache(family):
    model = tiny_model(family)
    with torch.no_grad():
        state = model(input_ids=torch.tensor([[3, 4]]), use_cache=True).past_key_values
    cached = sum(part.numel() for layer in state.layers for part in (layer.keys, layer.values))
    assert attention_size(model.config.get_text_config(decoder=True))[1] == cached / 2


def test_a_model_whose_layers_differ_has_a_bound_and_a_plan():
    """Its config refuses `head_dim` with no layer named."""
    model = tiny_model("gemma4_unified_text")
    assert tokens_at_once(100, CausalLM(model), print) == 100
    # layer 0 has 4 heads of 8, layer 1 of 512; two of keys and values each
    shape = shape_of(model)
    assert (shape.attention, shape.cache) == (4 * (8 + 512), 2 * 2 * (8 + 512))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_familys_config_has_a_size(family):
    config = tiny_config(family).get_text_config(decoder=True)
    if isinstance(getattr(config, "num_attention_heads", None), int):
        assert min(attention_size(config)) > 0
