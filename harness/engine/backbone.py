"""Backbones: causal LMs by name, folder or hub name, loaded from safetensors, strictly."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

import torch
from torch import nn

from harness.data import Offsets, byte_offsets, token_offsets
from harness.engine import smollm2
from harness.engine.adapter_folders import loaded_adapter, put_on, refuse_other_base
from harness.engine.agreement import refuse_disagreement
from harness.engine.backbone_tokenizer import embedding_rows, same_tokens, tokenizer_of
from harness.engine.loading import loading, refuse_sizes
from harness.engine.locate import adapter_at, load_error, locate, model_of, refuse_revision
from harness.engine.template import Template
from harness.errors import UsageError
from harness.inputs.hub_access import asked_once
from harness.record import BackboneInfo
from harness.settings import ModelSettings
from harness.types import Tokenizer


def load_model(name: str, settings: ModelSettings, revision: str | None = None) -> nn.Module:
    """The causal LM `name` in fp32, in eval mode, on the CPU.

    An adapter is put on its base: merged, or to be trained on where the settings train adapters.

    Raises UsageError if a tensor is missing or unexpected, or the model cannot be loaded.
    """
    with asked_once(locate(name)):
        adapter = adapter_at(name, revision, settings.base)
        if adapter is None:
            return _load_whole(name, settings, revision)
        base = _load_whole(adapter.base.name, settings, adapter.base.revision)
    fingerprint = weights_fingerprint(base)
    refuse_other_base(adapter, fingerprint)
    model = put_on(base, adapter, fingerprint, settings.adapter != "none")
    refuse_disagreement(name, model)  # type: ignore[arg-type]  # peft's layers keep the class
    return model


def _load_whole(name: str, settings: ModelSettings, revision: str | None) -> nn.Module:
    """A model with all its weights; see `load_model`."""
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    location = locate(name)
    with loading("backbone", name, load_error), asked_once(location):
        refuse_sizes(name, location, revision)
        model, report = loader.from_pretrained(
            location,
            revision=revision or "main",
            dtype=torch.float32,
            attn_implementation=settings.attention,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported below, by name
        )
    wrong = {
        kind.removesuffix("_keys"): sorted(map(str, report[kind]))
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if report.get(kind)
    }
    if wrong:
        raise UsageError(
            f"backbone {name!r} does not fit its config.json: tensors {wrong}; expected the"
            " weights that the config describes. Download the model again, or save it again"
        )
    loaded: nn.Module = model.eval()
    with loading("backbone", name, load_error):
        refuse_disagreement(name, model)
    return loaded


class Backbones:
    """The models that a method starts from. Each access loads a fresh copy.

    Raises UsageError for a revision of what is not on the hub.
    """

    def __init__(self, settings: ModelSettings) -> None:
        refuse_revision(settings.tokenizer or settings.backbone, settings.revision)
        self.settings = settings
        self.reasoner_taken = False
        """Whether the reasoner was asked for."""

    @property
    def reasoner_name(self) -> str:
        return self.settings.reasoner or self.settings.backbone

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of the backbone; of `model.tokenizer` for a model behind an API."""
        settings = self.settings
        template = Template.of(settings.template_date, settings.template_args)
        name = settings.tokenizer or settings.backbone
        return tokenizer_of(name, settings.revision, template, settings.base)

    @property
    def files(self) -> tuple[str, str | None]:
        """Location and commit of the main backbone's config: its own, or those of its base."""
        return model_of(self.settings.backbone, self.settings.revision, self.settings.base)

    @property
    def offsets(self) -> Offsets:
        """How budgets count tokens: by the tokenizer, else by bytes (a model behind an API)."""
        if self.settings.api and self.settings.tokenizer is None:
            return byte_offsets
        return token_offsets(self.tokenizer)

    @property
    def main(self) -> nn.Module:
        return load_model(self.settings.backbone, self.settings, self.settings.revision)

    @property
    def reasoner(self) -> nn.Module:
        """The reasoner. Raises UsageError if its tokens are not the generator's."""
        self.reasoner_taken = True
        if self.settings.reasoner:
            same_tokens(
                self.settings.backbone,
                self.tokenizer,
                self.reasoner_name,
                tokenizer_of(self.reasoner_name, base=self.settings.base),
                embedding_rows(self.settings.backbone, *self.files),
            )
            return load_model(self.reasoner_name, self.settings)
        return load_model(self.settings.backbone, self.settings, self.settings.revision)


def describe(name: str, model: nn.Module) -> BackboneInfo:
    """Name, resolved revision, quantization, parameter count and a fingerprint of the weights."""
    return BackboneInfo(
        name=name,
        revision=getattr(model.config, "_commit_hash", None),
        quantization=smollm2.QUANTIZATION if name == smollm2.NAME else None,
        parameters=sum(part.numel() for part in model.parameters()),
        fingerprint=weights_fingerprint(model),
        adapter=loaded_adapter(model),
    )


def weights_fingerprint(model: nn.Module) -> str:
    """First 16 hex digits of a sha256 over the names, shapes and values of a model's tensors."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(json.dumps([key, list(tensor.shape), str(tensor.dtype)]).encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
