"""docs/plugins.md as data: its code blocks by file, and its shell commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "plugins.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)\n```$', re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """File name → its text, from its blocks in order, two empty lines between."""
    found: dict[str, str] = {}
    for _, name, text in _BLOCK.findall(TUTORIAL.read_text("utf-8")):
        if name:
            found[name] = f"{found[name]}\n\n{text}\n" if name in found else f"{text}\n"
    return found


def commands(section: int) -> list[str]:
    """The lines of a shell block, the blocks counted from 0."""
    shell = [text for kind, _, text in _BLOCK.findall(TUTORIAL.read_text("utf-8")) if kind == "sh"]
    return shell[section].splitlines()
