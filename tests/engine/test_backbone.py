"""Backbones: loaded whole or not at all, and read as transformers reads them."""

import json
import shutil

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from harness.engine import Batch, CausalLM
from harness.engine.agreement import refuse_disagreement
from harness.engine.backbone import (
    Backbones,
    load_model,
    locate,
    tokenizer_of,
    weights_fingerprint,
)
from harness.engine.ends import ends_of
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.agreement import PROMPTS, RESPONSES, WAYS, alone
from tests.support.saved_backbones import save_backbone
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
        "cannot be loaded: .*bitsandbytes",
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


def tokenizer_json(change):
    def spoil(folder):
        path = folder / "tokenizer.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return spoil


def bomb(found):
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
             "invert": False}  # fmt: skip
    both = [split, found["pre_tokenizer"]]
    found["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": both}


def template(text):
    return lambda folder: (folder / "chat_template.jinja").write_text(text)


ENDLESS = "{% for a in range(99999) %}{% for b in range(100) %}{% endfor %}{% endfor %}"
TOKENIZERS = {
    "a pattern that never ends": (tokenizer_json(bomb), "cannot be loaded: .*retry-limit"),
    "a broken pattern": (
        tokenizer_json(lambda t: (bomb(t), t["pre_tokenizer"]["pretokenizers"][0].update(
            pattern={"Regex": "(("}))),
        "cannot be loaded",
    ),
    "no model": (tokenizer_json(lambda t: t.pop("model")), "cannot be loaded"),
    "text for a list": (tokenizer_json(lambda t: t.update(added_tokens="x")), "cannot be loaded"),
    "no JSON": (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be loaded"),
    "a template that never ends": (template(ENDLESS), "chat template of .* did not end within 0."),
    "a template that breaks": (template("{% for %}"), "chat template of .*TemplateSyntaxError"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOKENIZERS)
def test_a_broken_tokenizer_is_refused_in_time(tmp_path, backbone, monkeypatch, case):
    spoil, message = TOKENIZERS[case]
    folder = tmp_path / case.replace(" ", "_")
    shutil.copytree(backbone, folder)
    spoil(folder)
    seconds = 0.2 if case == "a template that never ends" else 60.0
    monkeypatch.setattr("harness.engine.backbone.TRIAL_S", seconds)
    with pytest.raises(UsageError, match=message):
        tokenizer_of(str(folder))


def test_a_backbone_without_tokenizer_is_refused(tmp_path, backbone):
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    for file in folder.glob("token*"):
        file.unlink()
    with pytest.raises(UsageError, match=r"encodes nothing; expected tokenizer\.json"):
        tokenizer_of(str(folder))


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "nowhere", "a/b/c"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UsageError, match="not a folder, not one of mini"):
        locate(name)


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(UsageError, match=r"no backbone 'smolm2'\. Did you mean 'smollm2'\?"):
        locate("smolm2")


LOADS = {"model": lambda name: load_model(name, SETTINGS), "tokenizer": tokenizer_of}


class Unplugged:
    """A hub client without a network that counts its requests."""

    asked = 0

    def head(self, *_, **__):
        self.asked += 1
        raise ConnectionError("Name or service not known")


@pytest.fixture
def unplugged(monkeypatch):
    client = Unplugged()
    monkeypatch.setattr("huggingface_hub.get_session", lambda: client)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return client


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_hub_that_does_not_answer_is_asked_once(unplugged, load):
    with pytest.raises(UsageError, match="hf download Nobody/Nothing-2B --local-dir DIR"):
        load("Nobody/Nothing-2B")
    assert unplugged.asked == 1
    assert not constants.HF_HUB_OFFLINE


def test_the_hub_is_not_asked_for_a_folder(unplugged, backbone):
    load_model(str(backbone), SETTINGS)
    assert unplugged.asked == 0


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_hub_backbone_that_cannot_be_loaded_has_a_remedy(monkeypatch, unplugged, load):
    def offline(*_, **__):
        raise OSError("We couldn't connect to the hub\nCheck your connection")

    for loader in ("AutoModelForCausalLM", "AutoTokenizer"):
        monkeypatch.setattr(f"transformers.{loader}.from_pretrained", offline)
    with pytest.raises(UsageError) as caught:
        load("Nobody/Nothing-1B")
    assert str(caught.value).endswith(
        "We couldn't connect to the hub\n  mend      with a network: `hf download"
        " Nobody/Nothing-1B --local-dir DIR`, then name that folder"
    )


def test_both_copies_of_a_backbone_have_the_same_revision(monkeypatch):
    loaded_names = []

    def load(name, settings, revision=None):
        loaded_names.append((name, revision))
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr("harness.engine.backbone.load_model", load)
    both = Backbones(ModelSettings(backbone="a/b", revision="c0ffee"))
    _ = both.main, both.reasoner
    assert loaded_names == [("a/b", "c0ffee"), ("a/b", "c0ffee")]


def test_differing_tokens_are_named(tmp_path, backbone):
    other = save_backbone(tmp_path / "other", words=299)
    settings = ModelSettings(backbone=str(backbone), reasoner=str(other))
    # the other tokenizer has one merge less, so only its last token differs
    with pytest.raises(UsageError, match=r"1 tokens differ, e\.g\. '\S+' \(299 / absent\)"):
        _ = Backbones(settings).reasoner


def test_the_end_token_ends_a_turn(backbone):
    tokenizer = tokenizer_of(str(backbone))
    assert tokenizer.convert_ids_to_tokens(list(ends_of(tokenizer).trained)) == ["<|im_end|>"]


def test_a_tokenizer_without_end_token_is_refused(tmp_path, backbone):
    from transformers import PreTrainedTokenizerFast

    bare = PreTrainedTokenizerFast(tokenizer_file=str(backbone / "tokenizer.json"))
    with pytest.raises(UsageError, match="has no end token; expected eos_token"):
        ends_of(bare)


def test_a_scalar_parameter_has_a_fingerprint():
    model = torch.nn.Module()
    model.scale = torch.nn.Parameter(torch.tensor(0.5))
    known = weights_fingerprint(model)
    model.scale.data += 1
    assert weights_fingerprint(model) != known


ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")


@pytest.mark.parametrize("file", ADAPTERS)
def test_an_adapter_next_to_base_weights_is_refused(backbone, tmp_path, file):
    folder = tmp_path / "both"
    shutil.copytree(backbone, folder)
    (folder / file).write_text("{}")
    for read in (locate, tokenizer_of, lambda name: load_model(name, SETTINGS)):
        with pytest.raises(UsageError, match="expected an adapter or a whole model") as caught:
            read(str(folder))
        message = str(caught.value)
        assert f"found {file} next to a model's own config.json" in message
        assert "move the adapter's files into a folder of their own" in message


def test_an_adapter_without_weights_that_can_be_read_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"an adapter without adapter_model\.safetensors"):
        locate(str(tmp_path))
    (tmp_path / "adapter_model.bin").write_text("")
    with pytest.raises(UsageError, match=r"adapter_model\.bin can run code when loaded"):
        locate(str(tmp_path))


def test_an_adapter_on_the_hub_is_read_as_one(monkeypatch, unplugged, tmp_path):
    def cached(location, name, **options):
        return str(tmp_path / name) if name.startswith("adapter") else None

    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "nowhere"}')
    monkeypatch.setattr("transformers.utils.hub.cached_file", cached)
    with pytest.raises(UsageError, match="'some/adapter' is an adapter of 'nowhere'"):
        load_model("some/adapter", SETTINGS)


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
