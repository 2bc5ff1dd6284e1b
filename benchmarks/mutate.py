"""Damage to valid JSON and TOML, as a broken program or an attacker would do it.

Every mutation draws from a `random.Random`, so a case can be made again from its number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

DEEP, DIGITS = "@deep@", "@digits@"
RAW = {
    f'"{DEEP}"': "[" * 100_000 + "]" * 100_000,
    f'"{DIGITS}"': "9" * 5_000,
}
"""Placeholders in the written text, for values that Python's json does not write."""
HOSTILE = (
    "\ud800", "\udfff tail", "\x00", "\x1b[2J\x1b]0;owned\x07", "fine\u202etxt.exe", "\u200b", "",
    " ", "\n", "=cmd|'/c calc'!A1", "@SUM(1)", "<script>alert(1)</script>", "\"'><img src=x>",
    "../../x", "/etc/passwd", "nan", "1e999", "{}", "%s{0}{x}", "\\input{x}", "[/b]", "x" * 300,
    "\ufeff", "é", "e\u0301", "ｆｕｌｌ", "𝔘", "true", "None", "$x^{$", "[5cm]",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2**31, 2**63, -(2**64), 10**300, 0.0, -0.0, 0.5, -1.5, 1e-320, 1e18, 1e308, -1e308,
    float("nan"), float("inf"), -float("inf"), DIGITS,
)  # fmt: skip
OTHER: tuple[Callable[[], Any], ...] = (
    lambda: None, lambda: True, lambda: False, lambda: [], dict, lambda: [[]], lambda: {"": {}},
    lambda: DEEP, lambda: "x" * 1_000_000, lambda: [0] * 3_000, lambda: [None, "a", 1],
    lambda: {str(number): number for number in range(300)},
)  # fmt: skip


class Twice(dict[str, Any]):
    """An object that is written with its first key twice."""

    def items(self) -> Any:
        found = list(super().items())
        return found + found[:1]


def damaged(value: Any, draw: Random) -> Any:
    """A copy of a JSON value with one to three mutations in random places."""
    value = json.loads(json.dumps(value))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        place = _place(value, draw)
        if place is None:
            return _any(draw)
        _mutate(*place, draw)
    return value


def written(value: Any) -> str:
    """JSON text of a damaged value, with keys given twice, NaN, and what `RAW` stands for."""
    text = json.dumps(value)
    for placeholder, raw in RAW.items():
        text = text.replace(placeholder, raw)
    return text


def damaged_bytes(raw: bytes, draw: Random) -> bytes:
    """The bytes cut short, with some replaced or added, or in another encoding."""
    at = draw.randrange(len(raw) + 1)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: raw[:at],
        lambda: raw[:at] + draw.randbytes(draw.randrange(1, 9)) + raw[at:],
        lambda: raw[:at] + raw[at + draw.randrange(1, 40) :],
        lambda: raw[:at] + b"\x00" * draw.randrange(1, 200) + raw[at:],
        lambda: b"\xef\xbb\xbf" + raw,
        lambda: raw.decode("utf-8", "replace").encode("utf-16"),
        lambda: raw.replace(b"\n", b"\r\n"),
        lambda: raw + raw,
        lambda: b"",
        lambda: b"[" * 100_000 + raw,
    )  # fmt: skip
    return draw.choice(ways)()


def _place(value: Any, draw: Random) -> tuple[Any, Any] | None:
    """A random (container, key) inside, shallow ones as often as deep ones; None without any."""
    place = None
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = draw.choice(keys)
        place, value = (value, key), value[key]
        if draw.random() < 0.2:
            break
    return place


def _mutate(holder: Any, key: Any, draw: Random) -> None:
    """Change, remove, rename or repeat one value in its container."""
    way = draw.randrange(10)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[draw.choice((f"{key}x", f"{key} ", str(key).upper(), *HOSTILE))] = holder.pop(key)
    elif way == 1:
        holder.insert(key, holder[key])
    elif way == 2 and isinstance(holder[key], dict) and holder[key]:
        holder[key] = Twice(holder[key])
    elif way == 2 and isinstance(holder[key], list):
        holder[key] = draw.choice((holder[key] * 2, holder[key][:-1], holder[key][::-1]))
    elif way in (3, 4, 5, 6):
        holder[key] = _alike(holder[key], draw)
    else:
        holder[key] = _any(draw)


def _alike(value: Any, draw: Random) -> Any:
    """Another value of the same type, where the type has others."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return draw.choice((*HOSTILE, value * 2, value[:-1], value.upper(), f" {value}"))
    if isinstance(value, int):
        return draw.choice((0, -1, value + 1, -value, value * 10**6, 2**63, 10**300))
    if isinstance(value, float):
        return draw.choice((0.0, -value, value * 1e6, 1e308, -1e308, 5e-324, value + 1))
    return _any(draw)


def _any(draw: Random) -> Any:
    kind = draw.randrange(3)
    if kind == 2:
        return draw.choice(OTHER)()
    return draw.choice(HOSTILE if kind else NUMBERS)
