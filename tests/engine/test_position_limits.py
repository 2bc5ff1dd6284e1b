"""Position limits of models: the attribute of the config, and where RoPE switches."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.engine.position_limits import Limit, position_limits

DECLARED = "the longest row that the model was built for"
FACTORS = [1.0] * 4
LONG = {"rope_type": "longrope", "short_factor": FACTORS, "long_factor": [4.0] * 4, "factor": 4.0,
        "original_max_position_embeddings": 32, "rope_theta": 1e4}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sizes", "positions", "attribute"),
    [
        ("qwen2", {"max_position_embeddings": 64}, 64, "max_position_embeddings"),
        ("gpt2", {"n_positions": 64}, 64, "n_positions"),
        ("opt", {"max_position_embeddings": 64}, 64, "max_position_embeddings"),
        ("mpt", {"max_seq_len": 64}, 64, "max_seq_len"),
        ("falcon", {"max_position_embeddings": 64}, 64, "max_position_embeddings"),
        (
            "gemma3",
            {"text_config": {"max_position_embeddings": 64}},
            64,
            "text_config.max_position_embeddings",
        ),
        (
            "qwen2",
            {
                "max_position_embeddings": 64,
                "rope_parameters": {
                    "rope_type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 64,
                    "rope_theta": 1e4,
                },
            },
            256,
            "max_position_embeddings",
        ),
    ],
)
def test_the_attribute_of_the_limit_is_named(kind, sizes, positions, attribute):
    config = AutoConfig.for_model(kind, **sizes)
    assert position_limits(config) == [Limit(positions, attribute, DECLARED)]


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [("bloom", {}), ("mamba", {}), ("falcon", {"alibi": True})],
)
def test_alibi_and_models_without_attention_have_no_limit(kind, sizes):
    assert position_limits(AutoConfig.for_model(kind, **sizes)) == []


def rotary(rope):
    torch.manual_seed(0)
    kind = "phi3" if rope is LONG else "llama"
    config = AutoConfig.for_model(
        kind, vocab_size=97, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128, pad_token_id=0,
        original_max_position_embeddings=32, rope_parameters=rope, initializer_range=0.2,
    )  # fmt: skip
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize(
    ("rope", "switch", "attribute"),
    [
        (LONG, 32, "original_max_position_embeddings"),
        (
            {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4},
            128,
            "max_position_embeddings",
        ),
    ],
    ids=["longrope", "dynamic"],
)
@torch.no_grad()
def test_below_the_switch_rows_do_not_depend_on_their_batch(rope, switch, attribute):
    model = rotary(rope)
    tightest = position_limits(model.config)[0]
    assert tightest.positions == switch
    limits = position_limits(model.config)
    (named,) = [each for each in limits if f'"{rope["rope_type"]}"' in each.reason]
    assert (named.positions, named.attribute) == (switch, attribute)
    short = torch.arange(3, 15)[None]

    def beside(length):
        """The short row's logits in a batch whose longest row has this many tokens."""
        ids, mask = (torch.zeros(2, length, dtype=torch.long) for _ in range(2))
        ids[0, :12], mask[0, :12] = short, 1
        ids[1], mask[1] = torch.arange(length) % 90, 1
        return model(input_ids=ids, attention_mask=mask).logits[0, :12]

    alone = model(input_ids=short).logits[0]
    torch.testing.assert_close(beside(switch), alone, atol=1e-5, rtol=0)
    assert (beside(switch + 1) - alone).abs().max() > 1e-3
