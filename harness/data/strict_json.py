"""Strict JSON: no duplicate keys in an object, no NaN, no Infinity."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError (JSONDecodeError if it is not JSON)."""
    return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)


def first_duplicate(values: Iterable[str]) -> str | None:
    """The first value that occurred before, or None."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        duplicate = first_duplicate(key for key, _ in pairs) or ""
        raise ValueError(f"key {duplicate[:80]!r} appears twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which JSON does not allow")
