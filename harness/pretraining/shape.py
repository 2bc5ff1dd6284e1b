"""The three backbones before training: their sizes, and a first head that looks back."""

from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, Qwen2Config, Qwen2ForCausalLM

SHAPES = {  # hidden, layers, heads, intermediate
    "mini": (128, 4, 4, 384),
    "mini-half": (96, 3, 4, 256),
    "mini-large": (160, 5, 4, 608),
}
SEED = 0
GAZE = 6.0
"""Size of the biases that make a head look back; large enough for a sharp gaze."""


def build(name: str, tokenizer: PreTrainedTokenizerBase) -> Qwen2ForCausalLM:
    """An untrained backbone of this name's shape. Few key-value heads keep its cache small."""
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
    """Start the first layer's first key-value head with a gaze at the token just before.

    Copying needs a head that says what came before a token (Olsson et al. 2022). Large models
    find it by themselves; here the biases of keys and queries give it, since rotary embedding
    turns them into a score that depends on the distance alone and is highest at distance 1.
    Further query heads of the group look one token further each.
    """
    config: Any = model.config
    attention = model.model.layers[0].self_attn
    width = config.hidden_size // config.num_attention_heads
    half = width // 2
    turns = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)  # radians a token
    attention.k_proj.bias[:half] = GAZE
    for head in range(config.num_attention_heads // config.num_key_value_heads):
        bias = attention.q_proj.bias[head * width : (head + 1) * width]
        bias[:half] = GAZE * torch.cos(turns * (head + 1))
        bias[half:] = -GAZE * torch.sin(turns * (head + 1))
