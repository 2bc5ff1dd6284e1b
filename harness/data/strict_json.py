"""JSON as its standard has it: no key twice in one object, no NaN, no Infinity."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError (JSONDecodeError for what is no JSON)."""
    return json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)


def first_twice(values: Iterable[str]) -> str | None:
    """The first value that was there before, None where there is none."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = first_twice(key for key, _ in pairs) or ""
        raise ValueError(f"key {twice[:80]!r} stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which JSON does not have")
