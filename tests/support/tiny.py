"""Tiny random causal LMs."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 97


def tiny(family: str = "qwen2", seed: int = 0, width: int = 32) -> Any:
    """A two-layer Qwen2 (tied embeddings) or Llama (untied), in eval mode."""
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
    }
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(tie_word_embeddings=False, **shape)).eval()
    return Qwen2ForCausalLM(Qwen2Config(tie_word_embeddings=True, **shape)).eval()
