"""The shape of a causal LM: what its memory and its FLOPs depend on. Needs a config.json only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, UsageError
from harness.paths import expanded
from harness.pipeline.estimate import REASONS
from harness.settings import ModelSettings

if TYPE_CHECKING:
    from harness.engine.lm import PersonalLM

SHAPES = "shapes"
"""Folder with the config.json of models that cannot be downloaded everywhere, by name."""


@dataclass(frozen=True)
class Shape:
    """One causal LM.

    parameters: all. trained: those that training changes.
    body: numbers in its layers. head: numbers in its output matrix, 0 for a reasoner.
    layers, width, inner: of the layers; inner is that of the feed-forward part.
    attention: layers · heads · head width. cache: numbers of keys and values for a token.
    vocabulary: rows of the output matrix. lean: whether the lean step serves it.
    """

    name: str
    parameters: int
    trained: int
    body: int
    head: int
    layers: int
    width: int
    inner: int
    attention: int
    cache: int
    vocabulary: int
    lean: bool = False

    def stacks_with(self, other: Shape) -> bool:
        """Whether one lean step serves both models, as equal layers allow."""
        same = ("body", "layers", "width", "inner", "attention", "cache")
        equal = all(getattr(self, name) == getattr(other, name) for name in same)
        return self.lean and other.lean and equal

    def flops(self, positions: float, logits: float) -> float:
        """FLOPs of a causal forward pass over a row (harness/engine/flops.py has the source)."""
        pairs = positions * (positions + 1) / 2
        return 2 * self.body * positions + 4 * self.attention * pairs + 2 * self.head * logits

    def training_flops(self, positions: float, logits: float) -> float:
        """FLOPs of forward and backward. A frozen matrix below an adapter has no gradient."""
        times = 3 if self.trained == self.parameters else 2
        return times * self.flops(positions, logits)


def shape_of(model: Any, name: str = "", reasons: bool = False) -> Shape:
    """The shape of a transformers model, also of one on the device `meta`.

    model: the model. name: for messages. reasons: whether it is a reasoner, without logits.
    """
    from harness.engine.attention_size import attention_size
    from harness.engine.lean_fit import unfit

    config: Any = model.config.get_text_config(decoder=True)  # Gemma 3 nests it
    width, layers = config.hidden_size, config.num_hidden_layers
    attention, cache = attention_size(config)
    matrix = model.get_output_embeddings().weight
    ends = {id(matrix), id(model.get_input_embeddings().weight)}
    parts = list(model.parameters())
    return Shape(
        name=name,
        parameters=sum(part.numel() for part in parts),
        trained=sum(part.numel() for part in parts if part.requires_grad),
        body=sum(part.numel() for part in parts if id(part) not in ends),
        head=0 if reasons else matrix.numel(),
        layers=layers,
        width=width,
        inner=getattr(config, "intermediate_size", None) or 4 * width,
        attention=attention,
        cache=cache,
        vocabulary=matrix.shape[0],
        lean=unfit(model) is None,
    )


def shapes_in(lm: PersonalLM) -> list[Shape]:
    """The causal LMs of a model that is built."""
    from harness.engine.lm import causal_lms

    return [shape_of(model, name) for name, model in causal_lms(lm)]


def shapes_of(method: str, settings: ModelSettings) -> list[Shape]:
    """The causal LMs that a method builds, by its name; a method of a plugin counts as one model.

    Raises UsageError where no config.json is at hand.
    """
    main = settings.backbone
    names = [main]
    if method in REASONS:
        names.append(settings.reasoner or main)
    shared = method == "flythinker-shared"
    if shared:
        names.append(main)
    adapter = _adapter(method, settings)
    found = [_shape(name, index > 0, adapter) for index, name in enumerate(names)]
    if shared:  # one set of weights below two adapters
        found[1] = Shape(**{**vars(found[1]), "parameters": found[1].trained})
    return found


def _adapter(method: str, settings: ModelSettings) -> tuple[int, tuple[str, ...]] | None:
    if settings.adapter == "none" and method != "flythinker-shared":
        return None
    return settings.lora_rank, settings.lora_targets


@cache
def _shape(name: str, reasons: bool, adapter: tuple[int, tuple[str, ...]] | None) -> Shape:
    """A model's shape. adapter: rank and targets of what is trained, None for all weights."""
    import torch
    from torch import nn
    from transformers import AutoConfig, AutoModelForCausalLM

    fields = _config(name)
    config = AutoConfig.for_model(**fields)
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)
    shape = shape_of(model, name, reasons)
    if adapter is None:
        return shape
    rank, targets = adapter
    added = sum(
        rank * (part.in_features + part.out_features)
        for path, part in model.named_modules()
        if isinstance(part, nn.Linear)
        and part is not model.get_output_embeddings()
        and (targets == ("all-linear",) or path.rpartition(".")[2] in targets)
    )
    return Shape(**{**vars(shape), "trained": added, "parameters": shape.parameters + added})


def _config(name: str) -> dict[str, Any]:
    """The fields of a model's config.json: of its folder, of the table, or of the hub's cache."""
    from harness.engine.smollm2 import NAME
    from harness.inputs.models import model_folder

    table, own = files("harness.planning") / SHAPES, expanded(name) / "config.json"
    for short in (name.rpartition("/")[2], f"{name.rpartition('/')[2]}-Instruct"):
        if (file := table / f"{short}.json").is_file() and not own.is_file():
            return dict(json.loads(file.read_text("utf-8")))
    if name == NAME:
        return dict(json.loads((table / "SmolLM2-135M-Instruct.json").read_text("utf-8")))
    try:
        folder = model_folder(name, None)
    except HarnessError:
        folder = None
    path = (folder or Path(name)) / "config.json"
    if not path.is_file():
        known = ", ".join(sorted(each.name.removesuffix(".json") for each in table.iterdir()))
        raise UsageError(
            f"model {name}: found no config.json; expected one in its folder or in the hub's cache."
            f" A plan needs no weights: make a folder with the config.json alone. Known: {known}"
        )
    fields = dict(json.loads(path.read_text("utf-8")))
    if "model_type" not in fields:
        raise UsageError(f"{path}: found no model_type; expected the config.json of a causal LM")
    return fields
