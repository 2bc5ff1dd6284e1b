"""Adapters that also replace whole layers or embedding rows, as TRL and Unsloth save them."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import AutoModelForCausalLM

from harness.engine.backbone import load_model
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.saved_backbones import save_backbone

PARTS = {
    "head": {"modules_to_save": ["lm_head"]},
    "embeddings": {"modules_to_save": ["embed_tokens"]},
    "both": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "tied": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
    "tokens": {"trainable_token_indices": [5, 6]},
}
MISSING = {"head": "lm_head", "tokens": "trainable_tokens_delta"}
IDS = torch.arange(3, 15)[None]


@pytest.fixture(scope="module", params=["tied base", "untied base"])
def base(request, tmp_path_factory):
    folder = save_backbone(tmp_path_factory.mktemp("base"))
    if request.param == "untied base":
        model = AutoModelForCausalLM.from_pretrained(folder)
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() * 1.5)
        model.save_pretrained(folder)
    return folder


def saved(base, folder, options):
    """An adapter whose parts differ from the base, in a folder; the logits of peft's own model."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], **options)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    torch.manual_seed(0)
    for part in model.parameters():
        if part.requires_grad:
            part.data.add_(torch.randn_like(part) * 0.3)
    model.save_pretrained(folder)
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


@pytest.mark.parametrize("options", PARTS.values(), ids=PARTS)
def test_an_adapters_own_layers_replace_the_bases(tmp_path, base, options):
    known = saved(base, tmp_path, options)
    with torch.no_grad():
        found = load_model(str(tmp_path), ModelSettings())(input_ids=IDS).logits
    assert_close(found, known, atol=1e-4, rtol=0)


@pytest.mark.parametrize("part", ["head", "tokens"])
def test_an_adapter_that_lacks_a_layer_of_its_own_is_refused(tmp_path, backbone, part):
    saved(backbone, tmp_path, PARTS[part])
    path = tmp_path / "adapter_model.safetensors"
    kept = {key: value for key, value in load_file(path).items() if "lora" in key}
    save_file(kept, path)
    with pytest.raises(UsageError, match=rf"found .*{MISSING[part]}"):
        load_model(str(tmp_path), ModelSettings())
    (name,) = PARTS[part]
    with pytest.raises(UsageError, match=rf"LORA with {name} cannot be trained on; expected LoRA"):
        load_model(str(tmp_path), ModelSettings(adapter="lora"))
