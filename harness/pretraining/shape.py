"""The backbones before training: their sizes, and first heads that look back."""

from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

SHAPES = {  # hidden, layers, heads, intermediate
    "mini": (128, 4, 4, 384),
    "mini-sixth": (48, 3, 2, 128),
    "mini-half": (96, 3, 4, 256),
    "mini-large": (160, 5, 4, 608),
}
SEED = 0
ATTENTION_BIAS = 6.0
"""Size of the biases that make a head look back; large enough for sharp attention."""


def build(name: str, tokenizer: PreTrainedTokenizerBase) -> Qwen2ForCausalLM:
    """An untrained backbone of this name. Few key-value heads keep its cache small."""
    hidden, layers, heads, intermediate = SHAPES[name]
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        intermediate_size=intermediate,
        max_position_embeddings=2048,
        initializer_range=0.05,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(SEED)
    model = Qwen2ForCausalLM(config)
    look_back(model)
    return model


@torch.no_grad()
def look_back(model: Qwen2ForCausalLM) -> None:
    """Make the first layer's first key-value head attend to the previous token.

    Copying needs a head that finds the token before each token (Olsson et al. 2022). Large models
    learn one. Here the biases of keys and queries provide it: the rotary embedding turns them into
    a score that depends only on distance and is highest at distance 1. Each further query head of
    the group looks one token further back.
    """
    config: Any = model.config
    attention = model.model.layers[0].self_attn
    width = config.hidden_size // config.num_attention_heads
    half = width // 2
    angles = config.rope_parameters["rope_theta"] ** (
        -torch.arange(half) / half
    )  # radians per token
    attention.k_proj.bias[:half] = ATTENTION_BIAS
    for head in range(config.num_attention_heads // config.num_key_value_heads):
        bias = attention.q_proj.bias[head * width : (head + 1) * width]
        bias[:half] = ATTENTION_BIAS * torch.cos(angles * (head + 1))
        bias[half:] = -ATTENTION_BIAS * torch.sin(angles * (head + 1))
