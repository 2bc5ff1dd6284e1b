"""Files of a model that a run reads, wherever the model lies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from huggingface_hub import constants

from harness.inputs.models import model_files, model_folder
from harness.mini import BACKBONES


@pytest.mark.parametrize("name", BACKBONES)
def test_a_built_in_backbone_has_weights_config_and_tokenizer(name: str):
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(model_files(name))


def test_what_a_run_does_not_read_does_not_count(tmp_path: Path):
    for name in ("README.md", "model.bin", "notes.txt", "trainer_state.json", "config.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tool.jinja").write_text("{{ x }}")
    assert model_files(str(tmp_path)) == {
        "additional_chat_templates/tool.jinja": hashlib.sha256(b"{{ x }}").hexdigest(),
        "config.json": hashlib.sha256(b"config.json").hexdigest(),
    }


def test_a_folder_with_brackets_in_its_name_is_found(tmp_path: Path):
    for name in ("a[1]", "a1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(name)
    found = model_files(str(tmp_path / "a[1]"))
    assert found == {"config.json": hashlib.sha256(b"a[1]").hexdigest()}


def test_a_hub_model_is_its_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert model_files("who/what") == {}
    home = tmp_path / "models--who--what"
    for commit in ("0" * 40, "1" * 40):
        (home / "snapshots" / commit).mkdir(parents=True)
        (home / "snapshots" / commit / "config.json").write_text(commit)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("1" * 40)
    for revision, commit in ((None, "1" * 40), ("0" * 40, "0" * 40)):
        expected = hashlib.sha256(commit.encode()).hexdigest()
        assert model_files("who/what", revision) == {"config.json": expected}


def test_the_length_that_an_encoder_cuts_texts_at_counts(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "sentence_bert_config.json").write_text("{}")
    assert set(model_files(str(tmp_path))) == {"config.json", "sentence_bert_config.json"}


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/no/where", "a/b/c", "bad name/x"])
def test_an_absent_model_has_no_files(name: str):
    assert model_folder(name) is None
