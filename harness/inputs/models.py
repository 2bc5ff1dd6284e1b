"""The files of a model that a run reads, found without loading it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.inputs.adapters import CONFIG, BaseName, base_of
from harness.inputs.digests import file_sha256
from harness.paths import expanded

KINDS: Mapping[str, tuple[str, ...]] = {
    "weights": ("*.safetensors", "*.safetensors.index.json"),
    "adapter": ("adapter_config.json",),
    "config": ("config.json", "sentence_bert_config.json"),
    "generation config": ("generation_config.json",),
    "tokenizer": (
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab*", "merges.txt", "*.model", "*.spm", "*.tiktoken",
    ),
    "chat template": (
        "chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja"
    ),
}  # fmt: skip
"""Content of a model's folder → its file names. Other files are not read."""
HEADS = ("config.json", CONFIG)
"""Files of which every model or adapter on the hub has one."""
BASE = "base"
"""Before the names of the files of an adapter's base."""


def model_files(
    name: str,
    revision: str | None = None,
    kinds: Iterable[str] = tuple(KINDS),
    base: str | None = None,
) -> dict[str, str]:
    """File name → sha256 of every file of a model; empty if it is not on this machine yet.

    An adapter's files are followed by its base's, as `base/…`.

    Args:
        name: a backbone's name, a folder, or a hub name, for its snapshot in the cache.
        revision: of the hub.
        kinds: of `KINDS`.
        base: `model.base`.
    """
    kinds = tuple(kinds)
    folder = model_folder(name, revision)
    if folder is None:
        return {}
    patterns = [pattern for kind in kinds for pattern in KINDS[kind]]
    files = {file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}
    own = {str(file.relative_to(folder)): file_sha256(file) for file in sorted(files)}
    below = base_below(folder, base)
    if below is None:
        return own
    rest = model_files(below.name, below.revision, kinds)
    return own | {f"{BASE}/{name}": sha256 for name, sha256 in rest.items()}


def base_below(folder: Path, base: str | None = None) -> BaseName | None:
    """The base of the adapter in a folder; None for a whole model, or a base that is no model.

    base: `model.base`.
    """
    below = base_of(folder / CONFIG, base) if (folder / CONFIG).is_file() else None
    found = model_folder(below.name, below.revision) if below else None
    return below if found and (found / "config.json").is_file() else None


def model_sha256(name: str) -> str:
    """One digest over all files of a model; of nothing if it is not on this machine yet."""
    return hashlib.sha256(json.dumps(model_files(name), sort_keys=True).encode()).hexdigest()


def model_folder(name: str, revision: str | None = None) -> Path | None:
    """The folder of a model on this machine; None if there is none."""
    from harness.engine import smollm2
    from harness.mini import BACKBONES, backbone_path

    if name in BACKBONES:
        return backbone_path(name)
    if name == smollm2.NAME:
        return smollm2.cached_folder() if smollm2.is_converted() else None
    path = expanded(name)
    if path.is_dir():
        return path
    return (
        None
        if name.count("/") != 1 or name.startswith((".", "/", "~"))
        else _snapshot(name, revision)
    )


def _snapshot(name: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        files = [try_to_load_from_cache(name, each, revision=revision) for each in HEADS]
    except HFValidationError:
        return None
    return next((Path(found).parent for found in files if isinstance(found, str)), None)
