"""Backbones: loaded whole or not at all, and read as transformers reads them."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from harness.engine import Batch, CausalLM
from harness.engine.agreement import refuse_disagreement
from harness.engine.backbone import load_model, weights_fingerprint
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.tiny import of_family

SETTINGS = ModelSettings()
QUERY = "model.layers.0.self_attn.q_proj.weight"
FAMILIES = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gpt_neox": {"num_key_value_heads": 4},
    "bloom": {"n_layer": 2, "n_head": 4},
    "phi3": {},
    "gemma2": {"head_dim": 8, "final_logit_softcapping": 2.0},
    "gemma3_text": {"head_dim": 8},
    "mistral": {"sliding_window": 4},
    "mixtral": {"num_local_experts": 2},
    "qwen3": {"head_dim": 8},
    "granite": {"logits_scaling": 3.0, "embedding_multiplier": 2.0},
    "cohere": {"logit_scale": 0.25},
}


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_families_give_the_logits_of_transformers(family):
    model = of_family(family, **FAMILIES[family])
    refuse_disagreement(family, model)
    row, response = PROMPTS[2], RESPONSES[1]
    logits = model(torch.tensor([row + response])).logits[0].log_softmax(-1)
    known = [logits[len(row) + at - 1, token] for at, token in enumerate(response)]
    lm = CausalLM(model)
    given = lm.logprobs(Batch.from_rows([row], [response], 0))[0]
    assert_close(given, torch.stack(known), atol=1e-5, rtol=0)
    single = alone(lm, PROMPTS, RESPONSES)
    for way in WAYS.values():
        for found, expected in zip(way(lm, PROMPTS, RESPONSES), single, strict=True):
            assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_family_without_a_key_value_cache_is_refused():
    with pytest.raises(UsageError, match=r"\(MambaForCausalLM\): the engine's logits differ"):
        refuse_disagreement("m", of_family("mamba", state_size=4))


def test_an_unknown_scale_of_logits_is_refused(monkeypatch):
    model = of_family("granite", logits_scaling=3.0)
    monkeypatch.setattr("harness.engine.agreement.head", lambda m, h: m.lm_head(h))
    with pytest.raises(UsageError, match=r"differ from the model's own by .* Choose another"):
        refuse_disagreement("g", model)


def test_a_model_that_takes_no_embeddings_is_refused():
    class Ids(torch.nn.Module):
        def forward(self, tokens):
            return tokens

    model = of_family("gpt2")
    model.forward = Ids().forward
    with pytest.raises(UsageError, match=r"cannot be run: .*expected a decoder-only causal LM"):
        refuse_disagreement("x", model)


def cut_short(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def tensors(change):
    def spoil(folder):
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors", {"format": "pt"})

    return spoil


def only_a_pickle(folder):
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def code_of_its_own(folder):
    """Like a hub model of an unknown family: its config names classes in a Python file."""
    config = json.loads((folder / "config.json").read_text())
    named = {"AutoConfig": "mine.MineConfig", "AutoModelForCausalLM": "mine.MineForCausalLM"}
    config |= {"model_type": "mine", "architectures": ["MineForCausalLM"], "auto_map": named}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text("raise SystemExit('the code of a backbone ran')\n")


def config(**changes):
    def spoil(folder):
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return spoil


def in_shards(folder):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    index = {"metadata": {}, "weight_map": {QUERY: "../../etc/passwd"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


NO_TENSOR = "no tensor of the weights is so large"
BROKEN = {
    "bitsandbytes": (
        config(quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
        "cannot be (loaded: .*bitsandbytes|run: AssertionError)",  # without and with the package
    ),
    "GPTQ": (
        config(quantization_config={"quant_method": "gptq", "bits": 4}),
        "cannot be loaded: .*(gptq|GPTQ|optimum)",
    ),
    "a wide model": (config(hidden_size=10**9), f"hidden_size = 1,000,000,000; {NO_TENSOR}"),
    "a deep model": (config(num_hidden_layers=10**9), f"num_hidden_layers = 1,00.*{NO_TENSOR}"),
    "many words": (config(vocab_size=10**12), NO_TENSOR),
    "wider than its weights": (
        config(hidden_size=100_000, intermediate_size=900_000),
        "config.json describes a model of .* numbers, and the weights hold",
    ),
    "a negative size": (config(hidden_size=-1), "cannot be loaded"),
    "a text as size": (config(num_hidden_layers="two"), "cannot be loaded"),
    "heads that do not divide": (config(num_attention_heads=7), "backbone"),
    "an unknown family": (config(model_type="mine", architectures=["Mine"]), "cannot be loaded"),
    "a config that is a list": (lambda f: (f / "config.json").write_text("[1]"), "cannot be load"),
    "a config that nests": (lambda f: (f / "config.json").write_text("[" * 99_999), "be loaded"),
    "shards elsewhere": (in_shards, "cannot be loaded"),
    "random bytes": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 4_096),
        "cannot be loaded",
    ),
    "cut short": (cut_short, "cannot be loaded: .*header"),
    "missing": (tensors(lambda t: t.pop(QUERY)), rf"tensors \{{'missing': \['{QUERY}'\]\}}"),
    "extra": (tensors(lambda t: t.update(x=torch.ones(1))), r"tensors \{'unexpected': \['x'\]\}"),
    "misshapen": (
        tensors(lambda t: t.update({QUERY: t[QUERY][:8].clone()})),
        rf"'mismatched': .*{QUERY}.*\[8, 32\]",
    ),
    "not a number": (
        tensors(lambda t: t[QUERY][0].fill_(float("nan"))),
        f"{QUERY} holds NaN or infinity",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "no config.json; expected"),
    "empty config": (lambda f: (f / "config.json").write_text("{}"), "cannot be loaded"),
    "a pickle": (only_a_pickle, "file; found pytorch_model.bin, which can run code when loaded"),
    "no weights": (
        lambda f: (f / "model.safetensors").unlink(),
        "no .safetensors file; expected a save_pre",
    ),
    "code of its own": (code_of_its_own, "needs Python code of its own, which is never run"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_backbone_is_refused(tmp_path, backbone, case):
    spoil, message = BROKEN[case]
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    spoil(folder)
    with pytest.raises(UsageError, match=message):
        load_model(str(folder), SETTINGS)


def test_a_scalar_parameter_has_a_fingerprint():
    model = torch.nn.Module()
    model.scale = torch.nn.Parameter(torch.tensor(0.5))
    known = weights_fingerprint(model)
    model.scale.data += 1
    assert weights_fingerprint(model) != known


def test_a_family_without_fused_attention_names_the_setting(tmp_path):
    options = {"num_layers": 2, "num_heads": 4, "attention_types": [[["global"], 2]]}
    of_family("gpt_neo", **options).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match=r"set model\.attention=eager") as caught:
        load_model(str(tmp_path), SETTINGS)
    assert "Traceback" not in str(caught.value)
    load_model(str(tmp_path), ModelSettings(attention="eager"))


def test_a_model_that_passes_the_check_only_with_eager_names_the_setting(backbone, monkeypatch):
    refused = {"sdpa"}
    monkeypatch.setattr(
        "harness.engine.agreement.disagreement",
        lambda model: " cannot be run" if model.config._attn_implementation in refused else None,
    )
    with pytest.raises(
        UsageError, match=r"cannot be run\n  mend      --set model\.attention=eager"
    ):
        load_model(str(backbone), SETTINGS)
    load_model(str(backbone), ModelSettings(attention="eager"))
    refused.add("eager")
    with pytest.raises(UsageError, match=r"cannot be run$"):
        load_model(str(backbone), SETTINGS)
