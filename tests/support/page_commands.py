"""The shell commands that a page shows."""

from __future__ import annotations

import re
import shlex


def commands(text: str) -> list[list[str]]:
    """Commands of code blocks and of inline code, comments off, in the order of the page."""
    found = []
    for block, inline in re.findall(
        r"^```\w*\n(.*?)^```|`([^`]+)`", text, re.MULTILINE | re.DOTALL
    ):
        for line in block.splitlines() if block else [" ".join(inline.split())]:
            words = shlex.split(line, comments=True) if re.match(r"(make|harness) ", line) else []
            if words:
                found.append(words)
    return found
