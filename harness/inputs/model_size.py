"""The number of a model's parameters, known without loading it."""

from __future__ import annotations

import json
import re
from math import prod
from pathlib import Path

from harness.engine import smollm2
from harness.inputs.models import base_below, model_folder

SMOLLM2 = 135e6
UNITS = {"m": 1e6, "b": 1e9}
MOST_HEADER = 100_000_000
"""Bytes of the largest header that safetensors allows."""


def parameters_of(name: str, revision: str | None = None) -> float | None:
    """Parameters of a backbone: from its files, else from its name (`Qwen2.5-3B`); else None."""
    if name == smollm2.NAME:
        return SMOLLM2
    folder = model_folder(name, revision)
    below = base_below(folder) if folder else None
    if below is not None:
        return parameters_of(below.name, below.revision)
    files = sorted(folder.glob("*.safetensors")) if folder else []
    if files:
        try:
            return float(sum(map(_in_header, files)))
        except (OSError, ValueError):
            return None  # loading the model will report the error
    named = re.search(r"(\d+(?:\.\d+)?)([mb])(?![a-z])", name.rpartition("/")[2].lower())
    return float(named[1]) * UNITS[named[2]] if named else None


def _in_header(file: Path) -> int:
    """Parameters that a safetensors file's header lists. Raises ValueError for another file."""
    with file.open("rb") as handle:
        size = int.from_bytes(handle.read(8), "little")
        if not 2 <= size <= MOST_HEADER:
            raise ValueError(f"{file}: no safetensors header")
        header = json.loads(handle.read(size))
    return sum(prod(each["shape"]) for key, each in header.items() if key != "__metadata__")
