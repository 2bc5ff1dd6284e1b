"""Tiny random models of the causal families of transformers: the table of the matrix test.

A family is a model type of AutoModelForCausalLM. `SHAPE` holds what configs call their sizes,
`FAMILIES` what a family needs besides. Multimodal models and encoder-decoders are left out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM

SHAPE: dict[str, Any] = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "max_position_embeddings": 128, "initializer_range": 0.2, "tie_word_embeddings": False,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "sliding_window": 8,
    "attention_dropout": 0.0, "hidden_dropout": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0,
    "attn_pdrop": 0.0, "dropout": 0.0, "activation_dropout": 0.0,
    # experts
    "moe_intermediate_size": 16, "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4,
    "num_experts_per_tok": 2, "shared_expert_intermediate_size": 16, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1,
    # linear attention and state spaces
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
    "linear_value_head_dim": 8, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_num_heads": 4,
    "mamba_head_dim": 16, "mamba_d_state": 8, "ssm_state_size": 8, "mamba_n_groups": 1,
    "n_groups": 1,
}  # fmt: skip
LATENT: dict[str, Any] = {
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8,
    "v_head_dim": 8, "head_dim": 4, "num_key_value_heads": 4,
}  # fmt: skip
INDEXED: dict[str, Any] = {**LATENT, "index_topk": 4, "index_head_dim": 8, "index_n_heads": 2}
MIXED: dict[str, Any] = {"layer_types": ["linear_attention", "full_attention"]}
SLIDING: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"]}
ROTARY: dict[str, Any] = {"rotary_dim": 4}

PLAIN = """
    afmoe apertus arcee beam biogpt bitnet bloom cohere cohere2 cohere2_moe cwm diffllama doge
    dots1 ernie4_5 ernie4_5_moe exaone4 exaone_moe flex_olmo flint gemma gemma2 gemma3_text glm glm4
    glm4_moe gpt2 gpt_bigcode gpt_neox gpt_neox_japanese gpt_oss granite granite_swa granitemoe
    granitemoe_swa granitemoeshared helium hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3
    hyperclovax jais2 jetmoe kolibri1 laguna llama mellum mimo_v2_flash minimax_m2 ministral
    ministral3 mistral mixtral mpt nanochat nemotron olmo olmo2 olmo3 olmoe persimmon phi phi3
    phimoe qwen2 qwen2_moe qwen3 qwen3_moe seed_oss smollm3 solar_open stablelm starcoder2
    vaultgemma
"""
ELSE = """
    bert cpmant falcon_mamba mamba minimax modernbert-decoder openai-gpt roberta rwkv xlm
"""
"""Families without a standard cache, with attention to later tokens, or with a head in parts."""

FAMILIES: dict[str, dict[str, Any]] = {
    **{family: {} for family in (PLAIN + ELSE).split()},
    "aria_text": {"moe_num_experts": 4, "moe_topk": 2, "moe_num_shared_experts": 1},
    "axk1": LATENT,
    "ctrl": {"dff": 48},
    "moshi": {"ffn_dim": 48},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
    "xglm": {"ffn_dim": 48},
    "hy_v4": INDEXED,
    "bailing_hybrid": {
        **LATENT, **MIXED, "num_expert_group": 1, "num_experts_per_token": 2,
        "linear_head_dim": 8, "linear_num_heads": 4, "mlp_layer_types": ["dense", "sparse"],
    },
    "bamba": {"attn_layer_indices": [1]},
    "codegen": ROTARY,
    "deepseek_v2": {**LATENT, "num_experts_per_tok": 2},
    "deepseek_v3": LATENT,
    "deepseek_v32": INDEXED,
    "falcon": {"head_dim": None},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n_text": {
        "num_kv_shared_layers": 0, "hidden_size_per_layer_input": 8, "laurel_rank": 8,
        "vocab_size_per_layer_input": 97, "intermediate_size": [48, 48],
        "activation_sparsity_pattern": [0.0, 0.0], **SLIDING,
    },
    "gemma4_text": {
        "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 97, **SLIDING,
        "per_layer_config": {},
    },
    "gemma4_unified_text": SLIDING,
    "glm4_moe_lite": LATENT,
    "glm_moe_dsa": INDEXED,
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2, "window_size": 8},
    "gptj": ROTARY,
    "granitemoehybrid": MIXED,
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 4},
    "kimi_linear": {
        **LATENT, **MIXED, "q_lora_rank": None, "num_experts_per_token": 2, "linear_head_dim": 8,
        "linear_num_heads": 4, "mlp_layer_types": ["dense", "sparse"],
    },
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
    "lfm3": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "llama4_text": {
        "layer_types": ["chunked_attention", "full_attention"], "attention_chunk_size": 8,
        "intermediate_size_mlp": 48, "no_rope_layers": [1, 0],
    },
    "longcat_flash": {
        **LATENT, "num_layers": 1, "ffn_hidden_size": 48, "expert_ffn_hidden_size": 16,
        "moe_topk": 2, "zero_expert_num": 2,
    },
    "mamba2": {"num_heads": 4, "head_dim": 16, "state_size": 8},
    "minicpm3": {**LATENT, "dim_model_base": 16},
    "nemotron_h": {"layers_block_type": ["linear_attention", "full_attention", "mlp"]},
    "olmo_hybrid": MIXED,
    "recurrent_gemma": {"block_types": ["recurrent", "attention"], "lru_width": 32},
    "qwen3_5_moe_text": MIXED,
    "qwen3_5_text": MIXED,
    "qwen3_next": MIXED,
    "youtu": LATENT,
    "zamba": {
        "layers_block_type": ["linear_attention", "hybrid"], "attention_hidden_size": 64,
        "attention_head_dim": 16, "mamba_dt_rank": 4, "num_key_value_heads": 4,
    },
    "zamba2": {
        "layers_block_type": ["linear_attention", "hybrid"], "attention_hidden_size": 64,
        "attention_head_dim": 16, "mamba_headdim": 16, "n_mamba_heads": 4,
        "num_query_groups": 4, "num_key_value_heads": 4, "adapter_rank": 8,
    },
    "zaya": {
        "num_experts_per_tok": 1, "router_hidden_size": 16, "layer_types": ["hybrid", "hybrid"],
    },
}  # fmt: skip


def tiny_config(family: str) -> Any:
    """The tiny config of a family: its own names for the sizes in SHAPE, then what it needs."""
    kind: Any = CONFIG_MAPPING[family]
    known = set(getattr(kind, "__dataclass_fields__", {})) | set(kind.attribute_map)
    known |= set(vars(AutoConfig.for_model(family)))
    sizes = {key: value for key, value in SHAPE.items() if key in known}
    options = {**sizes, **FAMILIES[family]}
    if "layers_block_type" in options:
        options.pop("num_hidden_layers", None)
        options["num_hidden_layers"] = len(options["layers_block_type"])
    return AutoConfig.for_model(family, **{k: v for k, v in options.items() if v is not None})


def tiny_model(family: str, seed: int = 0) -> nn.Module:
    """A tiny random model of a family, in eval mode, in float32."""
    loader: Any = AutoModelForCausalLM
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: nn.Module = loader.from_config(tiny_config(family)).eval()
    return model


def loads_with(family: str, attention: str) -> bool:
    """Whether transformers has this attention for a family; it refuses others when it loads."""
    loader: Any = AutoModelForCausalLM
    try:
        with torch.device("meta"):
            loader.from_config(tiny_config(family), attn_implementation=attention)
    except ValueError as error:
        if "does not support an attention implementation" not in str(error):
            raise
        return False
    return True
