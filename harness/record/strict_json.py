"""Strict JSON: no duplicate keys in an object, no NaN, no Infinity."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

BIGGEST = 1e30
TOO_DEEP = "brackets inside brackets, too many levels deep"


def loads(text: str | bytes, constant: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text. Raises ValueError (JSONDecodeError if it is not JSON).

    constant: makes a value of NaN and Infinity, for a reader that names their field.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_no_repeats, parse_constant=constant or _no_constant
        )
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def decoder() -> json.JSONDecoder:
    """As `loads`, for a value at a place in a text (`raw_decode`)."""
    return json.JSONDecoder(object_pairs_hook=_no_repeats, parse_constant=_no_constant)


def unfit(value: Any) -> tuple[str, str] | None:
    """The first number or text in a JSON value that cannot be kept: its field, and why.

    Half a surrogate pair, which JSON can escape, can be neither saved nor printed. A number past
    ±1e30 overflows when it is squared and summed.
    """
    stack: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while stack:
        path, each = stack.pop()
        if isinstance(each, str) and not each.isascii() and _broken(each):
            return ".".join(path), "text with half a surrogate pair"
        if isinstance(each, int | float) and not abs(each) <= BIGGEST:
            return ".".join(path), f"{each!r:.30}; expected a number within ±{BIGGEST:g}"
        if isinstance(each, dict):
            stack += [((*path, key), key) for key in each if not key.isascii()]
            stack += [((*path, key), inner) for key, inner in each.items()]
        elif isinstance(each, list):
            stack += [((*path, str(place)), inner) for place, inner in enumerate(each)]
    return None


def first_duplicate(values: Iterable[str]) -> str | None:
    """The first value that occurred before, or None."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def _broken(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        duplicate = first_duplicate(key for key, _ in pairs) or ""
        raise ValueError(f"key {duplicate[:80]!r} appears twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which JSON does not allow")
