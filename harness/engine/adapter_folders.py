"""Adapters in folders of peft's format: found, put on their base model, and saved."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from harness.engine.adapters import NAME, has_adapter, info_of, layer_names
from harness.engine.lm import PersonalLM, causal_lms
from harness.engine.loading import loading
from harness.engine.model_files import model_file
from harness.engine.weight_files import drafted
from harness.errors import UsageError, brief
from harness.inputs.adapters import CONFIG, PICKLED, WEIGHTS, BaseName, base_of
from harness.inputs.hub_access import asked_once
from harness.record import AdapterInfo, BackboneInfo
from harness.record.durable import sync_path, write_text

FINGERPRINT = "base_fingerprint"
"""In the metadata of an adapter that this harness saved: the fingerprint of its base."""
LOADED, ORIGIN = "_loaded_adapter", "_origin"
"""Attributes of a model: its adapter's AdapterInfo, and the BackboneInfo of what was loaded."""
INSIDE = "base_model.model."
"""What peft puts before the names of a model's tensors."""
WHOLE = ("modules_to_save", "trainable_token_indices")
"""In peft's configuration: layers, and rows of the embeddings, that an adapter replaces."""
WRAPPERS = r"\.(base_layer|original_module|token_adapter)(?=\.)"
"""Parts of the names of a base's own tensors inside peft's layers."""


@dataclass(frozen=True)
class AdapterFolder:
    """An adapter on disk. name: as given. config, weights: its files. base: the model below it."""

    name: str
    config: Path
    weights: Path
    base: BaseName

    @property
    def commit(self) -> str | None:
        """The commit on the hub; None for a folder."""
        from transformers.utils.hub import extract_commit_hash

        return extract_commit_hash(str(self.config), None)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the base that it was trained on; None where nothing says so."""
        try:
            with safe_open(self.weights, "pt") as file:
                return (file.metadata() or {}).get(FINGERPRINT)
        except (OSError, SafetensorError):  # loading it reports why
            return None


def find_adapter(
    name: str, location: str, revision: str | None = None, base: str | None = None
) -> AdapterFolder | None:
    """The adapter in a folder or hub repository; None if there is none.

    Args:
        name: the user's name for it.
        location: its folder or hub name. A hub repository is looked up in the cache and, if there
            is a network, on the hub.
        revision: of the hub.
        base: `model.base`.

    Raises UsageError for a folder that also holds a whole model, for an adapter without weights in
    safetensors, and for one that names no base.
    """
    folder = Path(location)
    find = model_file if folder.is_dir() else _hub_file
    config = find(location, CONFIG, revision)
    loose = [each for each in (WEIGHTS, PICKLED) if (folder / each).is_file()]
    if config is None and not loose:
        return None
    if (folder / "config.json").is_file():
        found = [CONFIG] if config else loose
        raise UsageError(
            f"backbone {name!r}: found {', '.join(found)} next to a model's own config.json;"
            " expected an adapter or a whole model, not both\n"
            "  mend      move the adapter's files into a folder of their own, and name the folder"
            " that you mean"
        )
    weights = find(location, WEIGHTS, revision)
    if config is None or weights is None:
        pickled = f" {PICKLED} can run code when loaded." if PICKLED in loose else ""
        raise UsageError(
            f"backbone {name!r}: an adapter without {WEIGHTS if config else CONFIG}; expected"
            f" {CONFIG} and {WEIGHTS}.{pickled}\n"
            "  mend      save it again with peft's save_pretrained(folder)"
        )
    below = base_of(config, base)
    if below is None:
        raise UsageError(
            f"backbone {name!r}: {CONFIG} names no base model; expected base_model_name_or_path\n"
            "  mend      --set model.base=NAME, its base's name, folder or hub name"
        )
    return AdapterFolder(name, config, weights, below)


@lru_cache(maxsize=32)
def _hub_file(location: str, name: str, revision: str | None) -> Path | None:
    """A file of a hub repository, asked for once."""
    with asked_once(location):
        return model_file(location, name, revision)


def no_base(adapter: AdapterFolder, error: UsageError) -> UsageError:
    """The error for an adapter whose base cannot be found."""
    return UsageError(
        f"backbone {adapter.name!r} is an adapter of {adapter.base.name!r}, which was not found"
        f" ({str(error).splitlines()[0]}); expected its base model\n"
        "  mend      --set model.base=NAME, its base's name, folder or hub name"
    )


def refuse_other_base(adapter: AdapterFolder, found: str) -> None:
    """Raises UsageError if an adapter was trained on a base with another fingerprint."""
    expected = adapter.fingerprint
    if expected not in (None, found):
        raise UsageError(
            f"backbone {adapter.name!r}: its base {adapter.base.name!r} has weights of fingerprint"
            f" {found}; expected {expected}, the weights that the adapter was trained on\n"
            "  mend      --set model.base=NAME with those weights"
        )


def put_on(model: nn.Module, adapter: AdapterFolder, fingerprint: str, trained: bool) -> nn.Module:
    """The base model with an adapter: merged into its weights, or above them to be trained on.

    Args:
        model: the base, which changes; its class stays.
        adapter: to load.
        fingerprint: of the base, for the record.
        trained: whether training will change the adapter.

    Raises UsageError if the tensors do not fit the base, or the kind of adapter cannot be merged or
    trained.
    """
    own = set(model.state_dict())
    with loading("adapter", adapter.name, lambda name, error: brief(str(error))):
        wrapped, config = _wrapped(model, adapter, trained)
        _fill(wrapped, adapter, own)
        inner: Any = wrapped.base_model.model
        targets = layer_names(inner)
        info = info_of(config, targets, str(config.peft_type.value).lower())
        if not trained:
            inner = wrapped.merge_and_unload(safe_merge=True)
            inner.requires_grad_(True)  # peft froze it
            inner.__dict__.pop("peft_config", None)
    inner.config._commit_hash = adapter.commit  # until here the base's
    setattr(inner, LOADED, replace(info, base=adapter.base.name, base_fingerprint=fingerprint))
    found: nn.Module = inner.eval()
    return found


def _wrapped(model: Any, adapter: AdapterFolder, trained: bool) -> tuple[Any, Any]:
    """peft's model around the base with a new adapter of this configuration, and that."""
    from peft import PeftConfig, PeftType, get_peft_model

    config: Any = PeftConfig.from_pretrained(str(adapter.config.parent))
    whole = [name for name in WHOLE if getattr(config, name, None)]
    if trained and (config.peft_type != PeftType.LORA or whole):
        having = f" with {' and '.join(whole)}" if whole else ""
        raise UsageError(
            f"backbone {adapter.name!r}: an adapter of kind {config.peft_type.value}{having} cannot"
            f" be trained on; expected LoRA without {' or '.join(WHOLE)}\n"
            "  mend      --set model.adapter=none merges it, and trains all weights"
        )
    if config.is_prompt_learning or config.is_adaption_prompt:
        raise UsageError(
            f"backbone {adapter.name!r}: an adapter of kind {config.peft_type.value}, which changes"
            " no weights; expected LoRA, or another kind that can be merged into its base"
        )
    if getattr(config, "megatron_config", None):  # names a module that peft would import
        config.megatron_config = None
    config.inference_mode = False
    config.base_model_name_or_path = None  # peft would warn where the base has another name now
    return get_peft_model(model, config), config


def _fill(wrapped: Any, adapter: AdapterFolder, own: set[str]) -> None:
    """Load the adapter's tensors, all of them and no others.

    wrapped: peft's model. own: names of the base's tensors.
    """
    from peft import set_peft_model_state_dict

    def of_base(name: str) -> bool:
        return re.sub(WRAPPERS, "", name).removeprefix(INSIDE) in own

    try:
        loaded: Any = set_peft_model_state_dict(wrapped, load_file(adapter.weights))
    except (RuntimeError, KeyError) as error:
        raise _misfit(adapter, str(error).strip().splitlines()[-1].strip()) from error
    unknown, absent = sorted(loaded.unexpected_keys), set(loaded.missing_keys)
    tensors = wrapped.state_dict(keep_vars=True)
    # of tensors that are tied, the file has one
    filled = {id(part) for name, part in tensors.items() if name not in absent}
    missing = sorted(
        name for name in absent if not of_base(name) and id(tensors.get(name)) not in filled
    )
    if unknown or missing:
        first = (unknown or missing)[0].removeprefix(INSIDE)
        what = "that the base has no layer for" if unknown else "that the adapter lacks"
        raise _misfit(adapter, f"{len(unknown or missing)} tensors {what}, e.g. {first}")


def _misfit(adapter: AdapterFolder, what: str) -> UsageError:
    return UsageError(
        f"backbone {adapter.name!r} does not fit its base {adapter.base.name!r}: found {what};"
        " expected the tensors that its configuration describes on that base\n"
        "  mend      --set model.base=NAME, the base that it was trained on"
    )


def save_adapters(lm: PersonalLM, folder: Path) -> None:
    """Save the adapter of each model in `lm` in peft's format, in a folder with the model's name.

    Any tool that reads peft's adapters can use them, and so can `--backbone`. The folder is
    replaced as a whole; without an adapter, nothing is done. Raises OSError.
    """
    adapted = {name: model for name, model in causal_lms(lm) if has_adapter(model)}
    if not adapted:
        return
    from peft import get_peft_model_state_dict

    with drafted(folder) as draft:
        for name, model in adapted.items():
            tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
            config: Any = model.peft_config[NAME]
            save_adapter(draft / name, tensors, config.to_dict(), model)


def save_adapter(
    folder: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any], model: nn.Module
) -> None:
    """Save one adapter in peft's format.

    Args:
        folder: is made.
        tensors: by name in the model, e.g. `model.layers.0.self_attn.q_proj.lora_A.weight`.
        config: of peft.
        model: with what it was loaded from.
    """
    origin = getattr(model, ORIGIN, None) or BackboneInfo()
    loaded = getattr(model, LOADED, None)
    base = loaded.base if loaded else origin.name
    fingerprint = loaded.base_fingerprint if loaded else origin.fingerprint
    if base and Path(base).is_dir():
        base = os.path.abspath(base)  # noqa: PTH100  (links stay as they are)
    values = {
        **config,
        "base_model_name_or_path": base,
        "revision": None if loaded else origin.revision,
        "inference_mode": True,
    }
    plain = {k: sorted(v) if isinstance(v, set) else v for k, v in sorted(values.items())}
    folder.mkdir(parents=True, exist_ok=True)
    named = {INSIDE + k: tensor.detach().cpu().contiguous() for k, tensor in tensors.items()}
    about = {"format": "pt"} | ({FINGERPRINT: fingerprint} if fingerprint else {})
    save_file(named, folder / WEIGHTS, about)
    sync_path(folder / WEIGHTS)
    write_text(folder / CONFIG, json.dumps(plain, indent=1, default=str) + "\n")


def loaded_adapter(model: nn.Module) -> AdapterInfo | None:
    """What the record says of the adapter that a backbone was loaded with; None without one."""
    found = getattr(model, LOADED, None)
    return found if isinstance(found, AdapterInfo) else None
