"""Backbones: causal LMs by name, folder or hub name, loaded strictly from safetensors."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from harness.engine import smollm2
from harness.engine.adapters import refuse_adapter
from harness.engine.agreement import refuse_disagreement
from harness.engine.template import Template, with_template
from harness.errors import UsageError
from harness.mini import BACKBONES, backbone_path
from harness.record import BackboneInfo
from harness.settings import ModelSettings

NAMED = (*BACKBONES, smollm2.NAME)
"""Backbones that need no folder and no hub."""
PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""What tokenizer_config.json says where tokenizer.json is the whole truth. The auto classes put a
model type's own splitting rules in its place (transformers 5, e.g. qwen2: digits one by one)."""


EAGER = "  mend      --set model.attention=eager: with it transformers can read this model"


def locate(name: str) -> str:
    """Folder or hub name that `name` stands for. Raises UsageError where nothing safe is there."""
    if name in BACKBONES:
        return str(backbone_path(name))
    if name == smollm2.NAME:
        return str(smollm2.folder())
    path = Path(name).expanduser()
    if path.is_dir():
        _check_folder(path)
        return str(path)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        near = get_close_matches(name, NAMED, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(
            f"no backbone {name!r}.{hint} It is not a folder here, not one of"
            f" {', '.join(NAMED)}, not a hub name like Qwen/Qwen2.5-0.5B-Instruct"
        )
    return name


def _check_folder(path: Path) -> None:
    refuse_adapter(str(path), str(path))
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
            f"backbone {path}: no .safetensors file; found {', '.join(pickles)}, which may run"
            " code when read\n"
            "  mend      load it where you trust it and save it again with"
            " save_pretrained(folder, safe_serialization=True)"
        )


def load_model(name: str, settings: ModelSettings, revision: str | None = None) -> nn.Module:
    """The causal LM `name` in fp32, in eval mode, on the CPU.

    Raises UsageError where a tensor is missing or left over, or the model cannot be had.
    """
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    place = locate(name)
    try:
        if not Path(place).is_dir():
            refuse_adapter(name, place, revision)
        model, report = loader.from_pretrained(
            place,
            revision=revision or "main",
            dtype=torch.float32,
            attn_implementation=settings.attention,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, by name
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UsageError(f"backbone {name!r} cannot be loaded: {_reason(name, error)}") from error
    wrong = {
        what.removesuffix("_keys"): sorted(map(str, report[what]))
        for what in ("missing_keys", "unexpected_keys", "mismatched_keys")
        if report.get(what)
    }
    if wrong:
        raise UsageError(
            f"backbone {name!r} does not fit its config.json: tensors {wrong}; expected the"
            " weights that the config describes. Get the model again, or save it anew"
        )
    loaded: nn.Module = model.eval()
    try:
        refuse_disagreement(name, loaded)
    except UsageError as error:
        if settings.attention != "eager" and _agrees_when_eager(name, loaded):
            raise UsageError(f"{error}\n{EAGER}") from error
        raise
    return loaded


def _agrees_when_eager(name: str, model: Any) -> bool:
    """Whether the check at load passes with eager attention. Changes the model."""
    try:
        model.set_attn_implementation("eager")
        refuse_disagreement(name, model)
    except (UsageError, ValueError):
        return False
    return True


def _reason(name: str, error: Exception) -> str:
    """What transformers says, and how to go on; a model's own code gets no trust."""
    if 'attn_implementation="eager"' in str(error):
        return f"{str(error).split(' Please request')[0]}\n{EAGER}"
    if "trust_remote_code" not in str(error):
        local = name in NAMED or Path(name).expanduser().is_dir()
        if local or not isinstance(error, OSError):
            return str(error)
        return (
            f"{str(error).splitlines()[0]}\n"
            f"  mend      where there is a network: `hf download {name} --local-dir DIR`, then name"
            " that folder"
        )
    return (
        "it brings Python code of its own, which is never run (trust_remote_code is off); expected"
        " an architecture that transformers knows"
    )


@lru_cache(maxsize=8)
def tokenizer_of(name: str, revision: str | None = None, template: Template | None = None) -> Any:
    """The fast tokenizer of a backbone, its chat template rendered with `template`.

    Raises UsageError where there is none, or an argument of the template is unknown to it.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    where, commit = locate(name), revision or "main"
    try:
        declared = get_tokenizer_config(where, revision=commit).get("tokenizer_class")
        loader = PreTrainedTokenizerFast if declared in PLAIN_TOKENIZERS else AutoTokenizer
        tokenizer = loader.from_pretrained(where, revision=commit, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"tokenizer of {name!r} cannot be loaded: {_reason(name, error)}"
        ) from error
    if not tokenizer.is_fast:
        raise UsageError(f"tokenizer of {name!r} is not a fast one; offsets are needed")
    if not tokenizer("a", add_special_tokens=False)["input_ids"]:
        raise UsageError(
            f"tokenizer of {name!r} knows no word; expected tokenizer.json beside the weights."
            " Save the tokenizer there too, with save_pretrained(folder)"
        )
    return with_template(tokenizer, template or Template())


class Backbones:
    """The models that a method starts from, loaded when asked for; each call gives a fresh copy."""

    def __init__(self, settings: ModelSettings) -> None:
        self.settings = settings

    @property
    def reasoner_name(self) -> str:
        return self.settings.reasoner or self.settings.backbone

    @cached_property
    def tokenizer(self) -> Any:
        settings = self.settings
        template = Template.of(settings.template_date, settings.template_args)
        return tokenizer_of(settings.backbone, settings.revision, template)

    @property
    def main(self) -> nn.Module:
        return load_model(self.settings.backbone, self.settings, self.settings.revision)

    @property
    def reasoner(self) -> nn.Module:
        """The reasoner. Raises UsageError where its tokens are not the generator's."""
        if self.settings.reasoner:
            same_tokens(
                self.settings.backbone,
                self.tokenizer,
                self.reasoner_name,
                tokenizer_of(self.reasoner_name),
                embedding_rows(self.settings.backbone, self.settings.revision),
            )
            return load_model(self.reasoner_name, self.settings)
        return load_model(self.settings.backbone, self.settings, self.settings.revision)


def embedding_rows(name: str, revision: str | None = None) -> int:
    """Rows of a backbone's embedding matrix, from its config."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(locate(name), revision=revision or "main")
    return int(config.get_text_config(decoder=True).vocab_size)


def same_tokens(name: str, tokenizer: Any, other_name: str, other: Any, rows: int) -> None:
    """Raises UsageError naming the tokens by which two tokenizers differ.

    rows: of the first model's embedding matrix; ids past it are neither read nor written.
    """
    mine, theirs = (
        {token: index for token, index in each.get_vocab().items() if index < rows}
        for each in (tokenizer, other)
    )
    if mine == theirs:
        return
    differing = sorted(
        {token for token, index in mine.items() if theirs.get(token) != index}
        | (theirs.keys() - mine.keys())
    )
    shown = ", ".join(
        f"{token!r} ({mine.get(token, 'absent')} / {theirs.get(token, 'absent')})"
        for token in differing[:5]
    )
    raise UsageError(
        f"{name!r} and its reasoner {other_name!r} have different tokenizers:"
        f" {len(differing)} tokens differ, e.g. {shown}; choose two of one family"
    )


def describe(name: str, model: nn.Module, revision: str | None = None) -> BackboneInfo:
    """Name, resolved revision, quantization, parameter count and a fingerprint of the weights."""
    return BackboneInfo(
        name=name,
        revision=getattr(model.config, "_commit_hash", None) or revision,
        quantization=smollm2.QUANTIZATION if name == smollm2.NAME else None,
        parameters=sum(part.numel() for part in model.parameters()),
        fingerprint=weights_fingerprint(model),
    )


def weights_fingerprint(model: nn.Module) -> str:
    """sha256 over names, shapes and values of all tensors of a model: 16 hex."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(json.dumps([key, list(tensor.shape), str(tensor.dtype)]).encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
