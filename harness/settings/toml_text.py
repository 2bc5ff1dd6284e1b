"""Settings as TOML text. The standard library reads TOML and does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(values: Mapping[str, Any]) -> str:
    """Nested values as TOML: plain keys first, then a `[section]` for each table.

    A None is the string "none", which settings read back as no value. Raises TypeError for a value
    that is no JSON.
    """
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = list(_assignments(plain))
    for key, table in values.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{_key(key)}]", *_assignments(table)]
    return "\n".join(lines).strip("\n") + "\n"


def _assignments(values: Mapping[str, Any]) -> Iterable[str]:
    return (f"{_key(key)} = {toml_value(value)}" for key, value in values.items())


def toml_value(value: Any) -> str:
    """One value as TOML; None is the string "none"."""
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):  # a JSON string is a TOML string, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_assignments(value))} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    raise TypeError(f"{value!r} cannot be written as TOML")


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else toml_value(key)
