"""Nested settings ↔ "section.key" names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """("section.key", value) for every leaf of nested settings."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        *sections, last = key.split(".")
        below = found
        for section in sections:
            below = below.setdefault(section, {})
        below[last] = value
    return found
