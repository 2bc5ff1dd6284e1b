"""Untrusted text made safe to show: no control, invisible or bidirectional characters."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping

JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners shape Persian words and emoji; they stay between visible characters."""
_SHAPELESS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and symbols by their category that are drawn as nothing."""
_HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff0-\\ufffb\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
    f"{_SHAPELESS}]"
)


def visible(text: str) -> str:
    """`text` with control, bidirectional and invisible characters spelled out as ⟨U+202E⟩.

    Line breaks, tabs and joiners stay.
    """
    return _HIDDEN.sub(_spelled, text.replace("\r\n", "\n"))


def blank(text: str) -> bool:
    """Whether a text shows nothing: only spaces, controls and characters without a shape."""
    return all(char in _SHAPELESS or unicodedata.category(char)[0] in "ZC" for char in text)


def all_visible(value: object) -> object:
    """The same with every text in it made `visible`."""
    if isinstance(value, Mapping):
        return {key: all_visible(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [all_visible(each) for each in value]
    return visible(value) if isinstance(value, str) else value


def _spelled(found: re.Match[str]) -> str:
    char = found.group()
    if char in JOINERS:
        return char
    name = unicodedata.name(char, "control")
    return f"⟨U+{ord(char):04X} {name.lower()}⟩"


def json_text(value: object, ascii_only: bool = False) -> str:
    """`value` as indented JSON in which hidden characters are escapes: the same value, and nothing
    that a terminal obeys."""
    text = json.dumps(value, indent=1, ensure_ascii=ascii_only, allow_nan=False)
    return _HIDDEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def script_json(value: object) -> str:
    """`value` as JSON that cannot end a script element or a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
