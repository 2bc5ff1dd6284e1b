"""Backbones: causal LMs by name, folder or hub name, loaded from safetensors, strictly."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.data import Offsets, byte_offsets, token_offsets
from harness.engine import smollm2
from harness.engine.adapter_folders import (
    AdapterFolder,
    find_adapter,
    loaded_adapter,
    no_base,
    put_on,
    refuse_other_base,
)
from harness.engine.agreement import EAGER, refuse_disagreement
from harness.engine.loading import PROBES, TRIAL_S, loading, refuse_sizes, within
from harness.engine.template import Template, shell, template_source, with_template
from harness.errors import UsageError
from harness.inputs.hub_access import asked_once
from harness.mini import BACKBONES, backbone_path
from harness.paths import expanded
from harness.record import BackboneInfo
from harness.settings import API, ModelSettings
from harness.types import Tokenizer

NAMED = (*BACKBONES, smollm2.NAME)
"""Backbones that need neither a folder nor the hub."""
PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""Tokenizer classes whose tokenizer.json is complete. For them AutoTokenizer would replace its
splitting rules by those of the model type (transformers 5, e.g. qwen2: single digits)."""


def locate(name: str) -> str:
    """Folder or hub name of a backbone. Raises UsageError if there is none or it is not safe."""
    if name in BACKBONES:
        return str(backbone_path(name))
    if name == smollm2.NAME:
        return str(smollm2.folder())
    if name.startswith(API):
        raise UsageError(
            f"backbone {name!r}: a model behind an API gives texts, not weights; expected only in"
            " `harness run` with a method that trains nothing (nonpers, rag). Here name a folder or"
            " a hub name"
        )
    path = expanded(name)
    if path.is_dir():
        _check_folder(path)
        return str(path)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        close = get_close_matches(name, NAMED, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"no backbone {name!r}.{hint} It is not a folder, not one of"
            f" {', '.join(NAMED)}, and not a hub name like Qwen/Qwen2.5-0.5B-Instruct"
        )
    return name


def adapter_at(
    name: str, revision: str | None = None, base: str | None = None
) -> AdapterFolder | None:
    """The adapter that a backbone's name stands for, with a base that exists; None for a model.

    base: `model.base`. Raises UsageError where the base cannot be found.
    """
    location = locate(name)
    adapter = find_adapter(name, location, revision, base)
    if adapter is None:
        return None
    try:
        below = locate(adapter.base.name)
    except UsageError as error:
        raise no_base(adapter, error) from error
    if find_adapter(adapter.base.name, below, adapter.base.revision, base="") is not None:
        raise no_base(adapter, UsageError("an adapter lies there too"))
    return adapter


def model_of(
    name: str, revision: str | None = None, base: str | None = None
) -> tuple[str, str | None]:
    """Location and commit of the whole model: the backbone's own, or those of its base."""
    adapter = adapter_at(name, revision, base)
    if adapter is None:
        return locate(name), revision
    return locate(adapter.base.name), adapter.base.revision


def _check_folder(path: Path) -> None:
    if find_adapter(str(path), str(path), base="") is not None:
        return
    if not (path / "config.json").is_file():
        raise UsageError(f"backbone {path}: no config.json; expected a save_pretrained folder")
    if not list(path.glob("*.safetensors")):
        pickles = sorted(
            file.name for file in path.iterdir() if file.suffix in {".bin", ".pt", ".pth", ".pkl"}
        )
        if not pickles:
            raise UsageError(
                f"backbone {path}: no .safetensors file; expected a save_pretrained folder with"
                " its weights"
            )
        raise UsageError(
            f"backbone {path}: no .safetensors file; found {', '.join(pickles)}, which can run"
            " code when loaded\n"
            "  mend      load it on a machine that may trust it, and save it again with"
            " save_pretrained(folder, safe_serialization=True)"
        )


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
    with loading("backbone", name, _reason), asked_once(location):
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
    with loading("backbone", name, _reason):
        refuse_disagreement(name, model)
    return loaded


def _reason(name: str, error: Exception) -> str:
    """transformers' message, and how to go on. A model's own code is never run."""
    if 'attn_implementation="eager"' in str(error):
        return f"{str(error).split(' Please request')[0]}\n{EAGER}"
    if "trust_remote_code" not in str(error):
        local = name in NAMED or expanded(name).is_dir()
        if local or not isinstance(error, OSError):
            return "\n".join([*str(error).splitlines()[:3]]) or type(error).__name__
        return (
            f"{str(error).splitlines()[0]}\n"
            f"  mend      with a network: `hf download {name} --local-dir DIR`, then name"
            " that folder"
        )
    return (
        "it needs Python code of its own, which is never run (trust_remote_code is off); expected"
        " an architecture that transformers knows"
    )


@lru_cache(maxsize=8)
def tokenizer_of(
    name: str,
    revision: str | None = None,
    template: Template | None = None,
    base: str | None = None,
) -> Tokenizer:
    """The fast tokenizer of a backbone; an adapter without one of its own has its base's.

    Args:
        name: the backbone's.
        revision: of the hub.
        template: adds a date and arguments to its chat template.
        base: `model.base`.

    Raises UsageError if there is no fast tokenizer, or the chat template ignores an argument.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    location, commit = locate(name), revision or "main"
    adapter = adapter_at(name, revision, base)
    if adapter is not None and not (adapter.config.parent / "tokenizer.json").is_file():
        return tokenizer_of(adapter.base.name, adapter.base.revision, template)
    with loading("tokenizer of", name, _reason), asked_once(location):
        declared = get_tokenizer_config(location, revision=commit).get("tokenizer_class")
        loader = PreTrainedTokenizerFast if declared in PLAIN_TOKENIZERS else AutoTokenizer
        tokenizer: Any = loader.from_pretrained(location, revision=commit, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise UsageError(
            f"tokenizer of {name!r} is not a fast one; expected tokenizer.json, for offsets"
        )
    with loading("tokenizer of", name, _reason):
        ids = within(TRIAL_S, f"a trial of the tokenizer of {name!r}", lambda: tried(tokenizer))
    if not ids:
        raise UsageError(
            f"tokenizer of {name!r} encodes nothing; expected tokenizer.json next to the weights."
            " Save the tokenizer there too, with save_pretrained(folder)"
        )
    return within(
        TRIAL_S,
        f"a trial of the chat template of {name!r}",
        lambda: _rendering(with_template(tokenizer, template or Template())),
    )


def _rendering(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, after its chat template was rendered once."""
    if template_source(tokenizer) is not None:
        shell(tokenizer)
    return tokenizer


def tried(tokenizer: Any) -> list[int]:
    """The ids of a letter, after texts on which a pattern may never end."""
    for text in PROBES:
        tokenizer(text, add_special_tokens=False)
    ids: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    return ids


class Backbones:
    """The models that a method starts from. Each access loads a fresh copy."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

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


def embedding_rows(name: str, location: str, revision: str | None = None) -> int:
    """Number of rows of a backbone's embedding matrix, from its config.

    name: for messages. location, revision: of the config.
    """
    from transformers import AutoConfig

    with loading("config of", name, _reason), asked_once(location):
        config = AutoConfig.from_pretrained(
            location, revision=revision or "main", trust_remote_code=False
        )
        return int(config.get_text_config(decoder=True).vocab_size)


def same_tokens(
    name: str, tokenizer: Tokenizer, other_name: str, other: Tokenizer, rows: int
) -> None:
    """Raises UsageError if two tokenizers differ, naming the tokens.

    Args:
        name: the generator's backbone.
        tokenizer: its tokenizer.
        other_name: the reasoner's backbone.
        other: its tokenizer.
        rows: rows of the generator's embedding matrix; tokens past them are never used.
    """
    ours, theirs = (
        {token: index for token, index in each.get_vocab().items() if index < rows}
        for each in (tokenizer, other)
    )
    if ours == theirs:
        return
    differing = sorted(
        {token for token, index in ours.items() if theirs.get(token) != index}
        | (theirs.keys() - ours.keys())
    )
    shown = ", ".join(
        f"{token!r} ({ours.get(token, 'absent')} / {theirs.get(token, 'absent')})"
        for token in differing[:5]
    )
    raise UsageError(
        f"{name!r} and its reasoner {other_name!r} have different tokenizers:"
        f" {len(differing)} tokens differ, e.g. {shown}; choose two models of one family"
    )


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
