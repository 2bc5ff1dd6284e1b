"""A backbone's name: a folder, one that we bring, a name of the hub, an adapter."""

import shutil

import pytest
import torch
from huggingface_hub import constants

from harness.engine.backbone import Backbones, load_model
from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.locate import locate
from harness.errors import UsageError
from harness.settings import ModelSettings

SETTINGS = ModelSettings()


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


@pytest.mark.parametrize("name", ["mini", "folder"])
def test_a_revision_of_what_is_not_on_the_hub_is_refused(monkeypatch, backbone, name):
    """A folder may have the name of a hub's model: its files would pass for that commit."""
    monkeypatch.chdir(backbone.parent)
    with pytest.raises(UsageError, match="which has one version; expected a name on the hub"):
        Backbones(ModelSettings(backbone={"folder": backbone.name}.get(name, name), revision="c0"))


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
