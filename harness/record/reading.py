"""JSON → dataclasses: unknown fields and wrong types are errors that name file and field."""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from harness.errors import DataError, brief
from harness.record.strict_json import unfit

T = TypeVar("T")
SHOWN = 3
"""Number of faults that an error lists."""


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    """The reader of a type; cached, because building one takes some milliseconds."""
    return TypeAdapter(kind)


def from_json(kind: type[T], text: str | bytes, place: str) -> T:
    """JSON `text` as a `kind`. Raises DataError naming `place` and each wrong field."""
    try:
        found: T = _reader(cast(Hashable, kind)).validate_json(text)
    except ValidationError as error:
        raise DataError(explained(place, error)) from None
    return found


def from_plain(kind: type[T], value: object, place: str) -> T:
    """A value from `json.loads` as a `kind`; see `from_json`."""
    if fault := unfit(value):
        raise DataError(f"{place}, {brief(fault[0])!a}: found {fault[1]}")
    return from_json(kind, json.dumps(value), place)


def explained(place: str, error: ValidationError) -> str:
    """A line for each of the first three faults; long values are shortened."""
    lines = []
    for item in error.errors(include_url=False)[:SHOWN]:
        field = ".".join(str(part)[:60] for part in item["loc"]) or "(the whole)"
        found = "" if item["type"] == "missing" else f" found {item['input']!r:.80};"
        wrong = "no such field" if "unexpected" in item["type"] else item["msg"][:200]
        lines.append(f"{place}, {field!a}:{found} {wrong}")
    more = error.error_count() - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)
