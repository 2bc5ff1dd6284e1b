"""Backbones that are adapters: put on their base, or refused with what was found."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from harness.engine import CausalLM
from harness.engine.adapter_folders import loaded_adapter
from harness.engine.adapters import add_adapters, has_adapter
from harness.engine.backbone import Backbones, describe, load_model
from harness.engine.backbone_tokenizer import tokenizer_of
from harness.errors import UsageError
from harness.inputs.model_size import parameters_of
from harness.inputs.models import model_files
from harness.settings import ModelSettings
from tests.support.saved_backbones import save_backbone
from tests.support.training import batch

PLAIN = ModelSettings()
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory, backbone):
    """An adapter as peft saves it, and the log-probs of peft's own model."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapter")
    config = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj", "down_proj"])
    theirs = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), config)
    torch.manual_seed(1)
    for name, part in theirs.named_parameters():
        if "lora_B" in name:
            part.data.normal_(std=0.3)
    theirs.save_pretrained(folder)
    with torch.no_grad():
        return folder, CausalLM(theirs.merge_and_unload().eval()).logprobs(batch())


@pytest.fixture
def adapter(made, tmp_path):
    """A copy to be changed."""
    return shutil.copytree(made[0], tmp_path / "adapter")


def edit(folder, **values):
    file = folder / CONFIG
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def logprobs(model):
    with torch.no_grad():
        return CausalLM(model).logprobs(batch())


def test_an_adapter_is_merged_into_its_base(made, backbone):
    folder, known = made
    model = load_model(str(folder), PLAIN)
    assert type(model).__name__ == "Qwen2ForCausalLM"
    assert not has_adapter(model)
    assert all(part.requires_grad for part in model.parameters())
    assert_close(logprobs(model), known, atol=1e-6, rtol=0)
    assert (logprobs(load_model(str(backbone), PLAIN)) - known).abs().max() > 1e-2
    info = loaded_adapter(model)
    assert (info.kind, info.rank, info.base) == ("lora", 2, str(backbone))
    assert info.targets == ("down_proj", "q_proj")


def test_an_adapter_is_trained_on_where_adapters_are_trained(made):
    folder, known = made
    settings = ModelSettings(adapter="lora", lora_rank=7)
    model = load_model(str(folder), settings)
    assert has_adapter(model)
    assert_close(logprobs(model), known, atol=1e-5, rtol=0)
    lm = CausalLM(model)
    add_adapters(lm, settings, seed=0)
    assert lm.adapted
    trained = [part for part in lm.parameters() if part.requires_grad]
    assert {min(part.shape) for part in trained} == {2}  # the adapter's rank, no second adapter


def test_tokenizer_and_config_are_the_bases(made, backbone):
    folder, _ = made
    backbones = Backbones(ModelSettings(backbone=str(folder)))
    assert backbones.tokenizer.get_vocab() == tokenizer_of(str(backbone)).get_vocab()
    assert backbones.files == (str(backbone), None)
    assert backbones.reasoner is not None
    assert parameters_of(str(folder)) == parameters_of(str(backbone))


def test_a_tokenizer_of_its_own_goes_first(adapter, tmp_path):
    save_backbone(tmp_path / "other", words=290)
    for file in (tmp_path / "other").glob("tokenizer*"):
        shutil.copy(file, adapter)
    assert len(tokenizer_of(str(adapter))) == 290


def test_a_tokenizer_of_its_own_is_fetched_from_the_hub(adapter, tmp_path, monkeypatch):
    """Files of a hub repository are in its folder only once they were asked for."""
    save_backbone(tmp_path / "other", words=290)
    elsewhere = [*(tmp_path / "other").glob("tokenizer*")]

    def cached(location, name, **options):
        for file in elsewhere if name == "tokenizer.json" and "/hub" in location else ():
            shutil.copy(file, adapter)
        found = adapter / name if "/hub" in location else Path(location) / name
        return str(found) if found.is_file() else None

    class Loader:
        @staticmethod
        def from_pretrained(location, **options):
            where = adapter if location == "some/hub-adapter" else location
            return PreTrainedTokenizerFast.from_pretrained(where)

    monkeypatch.setattr("transformers.utils.hub.cached_file", cached)
    monkeypatch.setattr("transformers.AutoTokenizer", Loader)
    monkeypatch.setattr("transformers.PreTrainedTokenizerFast", Loader)
    assert len(tokenizer_of("some/hub-adapter")) == 290


def test_the_revision_of_an_adapter_is_its_own(adapter, tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = shutil.copytree(adapter, tmp_path / "snapshots" / commit)
    assert describe("some/adapter", load_model(str(snapshot), PLAIN)).revision == commit


def test_the_base_is_given_where_its_name_leads_nowhere(adapter, made, backbone):
    edit(adapter, base_model_name_or_path="/somewhere/else")
    with pytest.raises(UsageError) as caught:
        load_model(str(adapter), PLAIN)
    message = str(caught.value)
    assert "is an adapter of '/somewhere/else', which was not found" in message
    assert "--set model.base=NAME" in message
    given = ModelSettings(base=str(backbone))
    assert_close(logprobs(load_model(str(adapter), given)), made[1], atol=1e-6, rtol=0)
    assert len(tokenizer_of(str(adapter), base=str(backbone))) > 0


def test_a_folder_is_not_the_commit_of_the_hub_that_an_adapter_names(adapter, backbone):
    edit(adapter, revision="0123abc")
    message = (
        r"names revision 0123abc of the hub's model, and a folder here .*\n  mend .*model.base"
    )
    with pytest.raises(UsageError, match=message):
        load_model(str(adapter), PLAIN)
    load_model(str(adapter), ModelSettings(base=str(backbone)))


@pytest.mark.parametrize("value", [None, "", 7])
def test_an_adapter_that_names_no_base_says_so(adapter, value):
    edit(adapter, base_model_name_or_path=value)
    with pytest.raises(UsageError, match="names no base model; expected base_model_name_or_path"):
        load_model(str(adapter), PLAIN)


def test_an_adapter_on_an_adapter_is_refused(adapter, made):
    for other in (adapter, made[0]):
        edit(adapter, base_model_name_or_path=str(other))
        with pytest.raises(UsageError, match="an adapter lies there too"):
            load_model(str(adapter), PLAIN)
        assert not [name for name in model_files(str(adapter)) if name.startswith("base/")]


def test_a_base_of_another_shape_is_refused(adapter, tmp_path):
    wide = save_backbone(tmp_path / "wide", width=64)
    with pytest.raises(UsageError, match=r"does not fit its base .*size mismatch for .*\n  mend "):
        load_model(str(adapter), ModelSettings(base=str(wide)))


def test_missing_and_unknown_tensors_are_refused(adapter):
    whole = load_file(adapter / WEIGHTS)
    first = min(whole)
    save_file({k: v for k, v in whole.items() if k != first}, adapter / WEIGHTS)
    with pytest.raises(UsageError, match=r"found 1 tensors that the adapter lacks, e\.g\. model\."):
        load_model(str(adapter), PLAIN)
    save_file({**whole, first.replace("layers.0", "layers.9"): whole[first] + 1}, adapter / WEIGHTS)
    with pytest.raises(UsageError, match="1 tensors that the base has no layer for"):
        load_model(str(adapter), PLAIN)


def test_an_adapter_of_other_weights_is_refused(adapter, backbone):
    save_file(load_file(adapter / WEIGHTS), adapter / WEIGHTS, {"base_fingerprint": "0" * 16})
    with pytest.raises(UsageError, match=r"has weights of fingerprint \w{16}; expected 0{16}"):
        load_model(str(adapter), PLAIN)


def test_a_broken_file_ends_in_one_message(adapter, backbone):
    given, known = ModelSettings(base=str(backbone)), (adapter / WEIGHTS).read_bytes()
    for content in (b"{", known[:100], known[: len(known) // 2]):
        (adapter / WEIGHTS).write_bytes(content)
        with pytest.raises(UsageError, match=r"adapter '.*' cannot be loaded: "):
            load_model(str(adapter), given)
    (adapter / CONFIG).write_text('{"peft_type": ')
    with pytest.raises(UsageError, match=r"adapter '.*' cannot be loaded: "):
        load_model(str(adapter), given)


def test_a_kind_without_weights_to_merge_is_refused(tmp_path, backbone):
    from peft import PromptTuningConfig, get_peft_model

    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), config).save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="kind PROMPT_TUNING, which changes no weights"):
        load_model(str(tmp_path), PLAIN)


def test_another_kind_is_merged_but_not_trained_on(tmp_path, backbone):
    from peft import IA3Config, get_peft_model

    config = IA3Config(
        task_type="CAUSAL_LM", target_modules=["k_proj", "down_proj"],
        feedforward_modules=["down_proj"],
    )  # fmt: skip
    theirs = get_peft_model(AutoModelForCausalLM.from_pretrained(backbone), config)
    theirs.save_pretrained(tmp_path)
    assert loaded_adapter(load_model(str(tmp_path), PLAIN)).kind == "ia3"
    with pytest.raises(UsageError, match="kind IA3 cannot be trained on; expected LoRA"):
        load_model(str(tmp_path), ModelSettings(adapter="lora"))


def test_the_inputs_of_a_run_are_the_adapters_files_and_its_bases(adapter, backbone):
    before = model_files(str(adapter))
    assert {CONFIG, WEIGHTS, "base/config.json", "base/model.safetensors"} <= before.keys()
    assert before["base/config.json"] == model_files(str(backbone))["config.json"]
    weights = load_file(adapter / WEIGHTS)
    save_file({k: v + 1 for k, v in weights.items()}, adapter / WEIGHTS)
    after = model_files(str(adapter))
    assert [name for name in before if before[name] != after[name]] == [WEIGHTS]
    other = model_files(str(adapter), base="mini")
    assert other["base/config.json"] == model_files("mini")["config.json"]
