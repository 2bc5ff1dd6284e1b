"""Logits with the scale or cap of their family, off its neutral value, beside transformers."""

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM

from harness.engine import Batch, CausalLM
from harness.engine.agreement import refuse_disagreement
from tests.support.tiny_families import tiny_config

SCALED = {
    "cohere": {"logit_scale": 0.25},
    "falcon_h1": {"lm_head_multiplier": 0.04},
    "granite": {"logits_scaling": 3.0},
    "hyperclovax": {"logits_scaling": 0.125},
    "minicpm3": {"hidden_size": 32, "dim_model_base": 16},
    "nanochat": {"final_logit_softcapping": 2.0},
    "recurrent_gemma": {"logits_soft_cap": 0.05},
}


@pytest.mark.parametrize("family", SCALED)
@torch.no_grad()
def test_logits_are_those_of_transformers(family):
    config = tiny_config(family)
    for name, value in SCALED[family].items():
        setattr(config, name, value)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).eval()
    refuse_disagreement(family, model)
    prompt, response = [5, 3, 9, 11], [7, 8, 9]
    known = model(torch.tensor([prompt + response])).logits[0, 3:6].log_softmax(-1)
    expected = known.gather(-1, torch.tensor(response)[:, None])[:, 0]
    found = CausalLM(model).logprobs(Batch.from_rows([prompt], [response], 0))[0]
    assert_close(found, expected, atol=1e-5, rtol=0)
