"""One edit of each outside input of a run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from harness.data import SPLITS
from harness.record.inputs import MODELS
from tests.support.saved_backbones import save_backbone
from tests.support.world import World, save_encoder

Edit = Callable[[World, pytest.MonkeyPatch], str]
"""Changes one input of a world and returns its name in the record."""


def edit_data(split: str) -> Edit:
    def edit(world: World, patch: pytest.MonkeyPatch) -> str:
        path = world.root / "data" / "product_review" / f"{split}.jsonl"
        path.write_text(path.read_text().replace("I 0 would say", "I would not say"))
        return split

    return edit


def replace_weights(model: str) -> Edit:
    """Other weights of the same size, with an older time of change."""

    def edit(world: World, patch: pytest.MonkeyPatch) -> str:
        file, other = world.root / model / "model.safetensors", world.root.parent / "other"
        shutil.rmtree(other, ignore_errors=True)
        if model == "dense_model":
            other.mkdir()
            shutil.copytree(world.root / "backbone", other / "backbone")
            save_encoder(other / "made", seed=9)
            other = other / "made"
        else:
            save_backbone(other, seed=9)
        size, times = file.stat().st_size, file.stat().st_mtime_ns - 10**12
        (other / file.name).replace(file)
        os.utime(file, ns=(times, times))
        assert file.stat().st_size == size
        return file.name

    return edit


def edit_json(model: str, name: str, key: str, value: Any) -> Edit:
    def edit(world: World, patch: pytest.MonkeyPatch) -> str:
        path = world.root / model / name
        content = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**content, key: value}))
        return name

    return edit


def edit_template(model: str) -> Edit:
    def edit(world: World, patch: pytest.MonkeyPatch) -> str:
        path = world.root / model / "chat_template.jinja"
        path.write_text(path.read_text().replace("assistant\n", "assistant \n"))
        return path.name

    return edit


def edit_file(name: str, old: str, new: str, called: str) -> Edit:
    def edit(world: World, patch: pytest.MonkeyPatch) -> str:
        path = world.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return called.format(root=world.root)

    return edit


def edit_harness(world: World, patch: pytest.MonkeyPatch) -> str:
    other = "harness.pipeline.evaluate.reference_likelihood"  # as if modules were others
    patch.setattr("harness.inputs.collect.RUN", other)
    return other


CASES: dict[str, Edit] = {
    **{f"data {split}": edit_data(split) for split in SPLITS},
    **{f"{model} weights": replace_weights(model) for model in MODELS},
    **{
        f"{model} config": edit_json(model, "config.json", "attention_dropout", 0.1)
        for model in MODELS
    },
    **{
        f"{model} generation config": edit_json(
            model, "generation_config.json", "repetition_penalty", 1.1
        )
        for model in MODELS
    },
    **{
        f"{model} tokenizer": edit_json(model, "tokenizer_config.json", "model_max_length", 77)
        for model in MODELS
    },
    **{f"{model} chat template": edit_template(model) for model in MODELS},
    **{
        f"{model} adapter": edit_json(model, "adapter_config.json", "peft_type", "LORA")
        for model in MODELS
    },
    "plugins": edit_file("stale_helper.py", "1", "2", "stale_helper"),
    "metrics": edit_file("share/share.py", '"s": 1.0', '"s": 0.5', "evaluate:{root}/share"),
    "code": edit_harness,
}
