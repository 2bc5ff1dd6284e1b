"""Line numbers of the keys in a TOML or YAML file, for messages about them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
ASSIGNMENT = re.compile(r"""\s*([\w."' -]+?)\s*=""")


def toml_lines(text: str) -> dict[str, int]:
    """Dotted key → the line, counted from 1, on which it stands first.

    Keys inside an inline table or a value of several lines are not found; their table's key is.
    """
    found: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = _plain(header[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
            for array, index in counts.items():
                if f"{table}.".startswith(f"{array}."):
                    table = f"{array}.{index}{table.removeprefix(array)}"
            _add(found, table, number)
        elif assignment := ASSIGNMENT.match(line):
            key = _plain(assignment[1])
            _add(found, f"{table}.{key}" if table else key, number)
    return found


def yaml_lines(text: str) -> dict[str, int]:
    """Dotted key → its line, counted from 1. Raises ValueError for a key that is given twice."""
    import yaml

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    found: dict[str, int] = {}
    for key, line in _nodes(node, "") if node is not None else ():
        if key in found:
            raise ValueError(f"{key} is given on lines {found[key]} and {line}; expected it once")
        found[key] = line
    return found


def line_of(lines: Mapping[str, int], key: str) -> int | None:
    """The line of a key, or else of the innermost table around it that is known."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _nodes(node: Any, prefix: str) -> Iterator[tuple[str, int]]:
    if isinstance(node.value, str):
        return
    for index, child in enumerate(node.value):
        key, value = child if isinstance(child, tuple) else (None, child)
        name = prefix + (str(index) if key is None else str(key.value))
        yield name, (value if key is None else key).start_mark.line + 1
        yield from _nodes(value, f"{name}.")


def _add(found: dict[str, int], key: str, line: int) -> None:
    """The key and, unless they stand further up, the tables around it."""
    parts = key.split(".")
    for end in range(1, len(parts) + 1):
        found.setdefault(".".join(parts[:end]), line)


def _plain(key: str) -> str:
    """A key without the quotes and blanks that TOML allows around its parts."""
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
