"""Folders that hold an adapter: which base model it belongs to. Reads JSON alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLED = "adapter_model.bin"


@dataclass(frozen=True)
class BaseName:
    """The base model of an adapter: a backbone's name, folder or hub name, and its commit."""

    name: str
    revision: str | None = None


def read_config(file: Path) -> dict[str, Any]:
    """The object in an adapter_config.json; {} where it is broken, which loading reports."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def base_of(config: Path, given: str | None) -> BaseName | None:
    """The base of the adapter with this adapter_config.json; None where nothing names one.

    given: `model.base`, which goes before what the file says.
    """
    if given is not None:
        return BaseName(given)
    found = read_config(config)
    name, revision = found.get("base_model_name_or_path"), found.get("revision")
    if not isinstance(name, str) or not name:
        return None
    return BaseName(name, revision if isinstance(revision, str) else None)
