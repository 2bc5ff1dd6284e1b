"""Single files of a model: in a folder, in the hub's cache or, with a network, on the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def model_file(location: str, name: str, revision: str | None = None) -> Path | None:
    """The file `name` of a folder or hub repository; None if it has none, or nothing answers."""
    from transformers.utils.hub import cached_file

    found = cached_file(
        location,
        name,
        revision=revision or "main",
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(found) if found else None


def model_json(location: str, name: str, revision: str | None = None) -> dict[str, Any]:
    """The object in a JSON file of a model, as written; {} if there is none, or it is broken."""
    try:
        file = model_file(location, name, revision)
        values = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):  # loading the model reports a broken file
        return {}
    return values if isinstance(values, dict) else {}
