"""Tiny random causal LMs."""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

VOCABULARY = 97


def tiny(family: str = "qwen2", seed: int = 0, width: int = 32, inner: int = 48) -> Any:
    """A two-layer Qwen2 (tied embeddings) or Llama (untied), in eval mode."""
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
    }
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(tie_word_embeddings=False, **shape)).eval()
    return Qwen2ForCausalLM(Qwen2Config(tie_word_embeddings=True, **shape)).eval()


def padded(rows):
    """`tiny()` with a longer embedding matrix: the same tokens, and rows that no text uses."""
    model = tiny()
    model.resize_token_embeddings(rows, mean_resizing=False)
    return model.eval()


def of_family(family, **options):
    torch.manual_seed(0)
    shape = {
        "vocab_size": 97,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "pad_token_id": 0,
    }
    config = AutoConfig.for_model(family, **{**shape, **options})
    return AutoModelForCausalLM.from_config(config).eval()
