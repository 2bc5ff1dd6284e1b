"""docs/plugins.md as data: its code by file, and its shell commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
TUTORIAL = ROOT / "docs" / "plugins.md"
FEWER = (
    "--set", "data.val_limit=2", "--set", "train.epochs=1", "--set", "eval.resamples=100",
    "--set", "eval.authors=false", "--set", "eval.floors=false",
    "--set", 'eval.metrics=["bleu","rouge1"]',
)  # fmt: skip
"""What a run is given besides the tutorial's words, so that it ends within seconds."""
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)\n```$', re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """File name → its code: the blocks with that title, in order, separated by two empty lines."""
    texts: dict[str, str] = {}
    for _, name, text in _BLOCK.findall(TUTORIAL.read_text("utf-8")):
        if name:
            texts[name] = f"{texts[name]}\n\n{text}\n" if name in texts else f"{text}\n"
    return texts


def commands(section: int) -> list[str]:
    """The lines of shell block number `section`, counted from 0."""
    shell = [text for kind, _, text in _BLOCK.findall(TUTORIAL.read_text("utf-8")) if kind == "sh"]
    return shell[section].splitlines()
