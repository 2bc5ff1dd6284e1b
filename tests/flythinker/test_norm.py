"""m: at the generator's first layer, a thought has the mean norm of the token embeddings there.

Families scale embeddings in different places: nowhere, inside the embedding module, or in the
decoder for every input. So the norms are compared in front of the first layer.
"""

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from flythinker import FlyThinkerLM
from harness.engine.lm import decoder_of, embed, embedding_matrix

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8}
NARROW = {"d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 48}
FAMILIES = {  # factor inside the embedding module, factor of the decoder behind it
    "qwen2": (GROUPED, 1, 1),
    "llama": (GROUPED, 1, 1),
    "gemma": (GROUPED, 32**0.5, 1),
    "gemma2": (GROUPED, 32**0.5, 1),
    "gemma3_text": (GROUPED, 32**0.5, 1),
    "gemma4_unified_text": (GROUPED, 32**0.5, 1),
    "vaultgemma": (GROUPED, 32**0.5, 1),
    "biogpt": ({}, 32**0.5, 1),
    "xglm": (NARROW, 32**0.5, 1),
    "minicpm3": ({**LATENT, "v_head_dim": 8, "scale_emb": 12}, 12, 1),
    "granite": ({**GROUPED, "embedding_multiplier": 12.0}, 1, 12),
    "hyperclovax": ({**GROUPED, "embedding_multiplier": 12.0}, 1, 12),
}


def tiny(kind, sizes, seed=0):
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, **(SIZES | sizes))
    return AutoModelForCausalLM.from_config(config).eval()


def before_the_first_layer(model, embeddings):
    """What the generator's first layer receives for the inputs `embeddings` [B,T,D]."""
    layers = next(part for part in decoder_of(model).modules() if isinstance(part, nn.ModuleList))
    seen = []
    hook = layers[0].register_forward_pre_hook(
        lambda _, args, named: seen.append(args[0] if args else named["hidden_states"]),
        with_kwargs=True,
    )
    decoder_of(model)(inputs_embeds=embeddings, use_cache=False)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("kind", FAMILIES)
@torch.no_grad()
def test_a_thought_has_the_norm_of_a_token_at_the_first_layer(kind):
    sizes, inside, behind = FAMILIES[kind]
    model = tiny(kind, sizes)
    lm = FlyThinkerLM(model, tiny(kind, sizes, seed=1), lam=1.0)
    every = torch.arange(97)[None]
    tokens, real = every[:, 3:19], torch.ones(1, 16, dtype=torch.bool)
    nothing = before_the_first_layer(model, torch.zeros(1, 97, 32))  # positions, where added
    reached = before_the_first_layer(model, embed(model, every)) - nothing
    thought = before_the_first_layer(model, lm.think(tokens, real)) - nothing[:, :16]
    mean = reached.norm(dim=-1).mean()
    torch.testing.assert_close(thought.norm(dim=-1), mean.expand(1, 16), rtol=1e-3, atol=0)
    rows = embedding_matrix(model).norm(dim=-1).mean()
    assert mean / rows == pytest.approx(inside * behind, rel=5e-3)


def test_m_of_a_plain_embedding_is_that_of_its_matrix_bit_for_bit(monkeypatch):
    lm = FlyThinkerLM(tiny("qwen2", GROUPED), tiny("qwen2", GROUPED, seed=1))
    assert torch.equal(lm.token_norm(), embedding_matrix(lm.generator).norm(dim=-1).mean())
    scaled = FlyThinkerLM(tiny("gemma", GROUPED), tiny("gemma", GROUPED, seed=1))
    whole = scaled.token_norm()
    monkeypatch.setattr("flythinker.model.ROWS_AT_ONCE", 10)
    assert torch.equal(scaled.token_norm(), whole)
    assert not whole.requires_grad
