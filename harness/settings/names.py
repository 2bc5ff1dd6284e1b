"""The settings that a run's name is hashed from: a frozen table, and the differences from it.

presets/frozen.json holds every setting with its default at the time it was added. "first" holds
the settings of schema 1, which are always hashed, so that published names stay the same. "added"
holds later ones, hashed only if a run's value differs. Removed settings keep their default here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from harness.settings.flat import nested

UNNAMED = ("track.", "api.", "train.sharding")
"""Prefixes of settings that change no result beyond rounding, so that no name depends on them."""
RENAMED: Mapping[str, str] = {}
"""Today's name of a setting → its name in the table."""


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """The nested settings that a name is hashed from: the first ones, and added ones that differ.

    values: a RunSettings as JSON. Raises ValueError for a setting that is not in the table.
    """
    table = frozen_table()
    first, added = dict(leaves(table["first"])), table["added"]
    hashed = dict(first)
    for key, value in leaves(values):
        if key.startswith(UNNAMED):
            continue
        name = RENAMED.get(key, key)
        if name not in first and name not in added:
            raise ValueError(
                f'setting {key!r} is not in presets/frozen.json; add it under "added" with its'
                " default, so that the names of runs made before stay"
            )
        if name in first or value != added[name]:
            hashed[name] = value
    return nested(hashed)


@cache
def frozen_table() -> Mapping[str, Any]:
    """The table: "first" nested, "added" by dotted name."""
    text = files("harness.settings.presets").joinpath("frozen.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every setting by dotted name. `method`, and a table inside a section, is one setting."""
    for key, value in values.items():
        if isinstance(value, Mapping) and key != "method":
            yield from ((f"{key}.{name}", each) for name, each in value.items())
        else:
            yield key, value
