"""The built-in benchmark: texts by synthetic authors with known preferences, and tiny backbones.

This imports no torch, and other modules only when they are used. docs/mini.md describes the texts
and how to interpret the numbers.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.mini.answer import Answer, answers
    from harness.mini.benchmark import calls, preferences, rewrite, rows
    from harness.mini.call import Call

VERSION = "2"
"""Version of the texts; increase it whenever a text of seed 0 changes."""
TASKS = ("product_review", "abstract_generation", "topic_writing")
SETTINGS = ("user", "temporal")
SPLITS = ("train", "val", "test")
BACKBONES = ("mini", "mini-sixth", "mini-half", "mini-large")
_MODULES = {
    "Answer": "answer",
    "Call": "call",
    "answers": "answer",
    "calls": "benchmark",
    "preferences": "benchmark",
    "rewrite": "benchmark",
    "rows": "benchmark",
}
__all__ = [
    "BACKBONES",
    "SETTINGS",
    "SPLITS",
    "TASKS",
    "VERSION",
    "Answer",
    "Call",
    "answers",
    "backbone_path",
    "calls",
    "preferences",
    "rewrite",
    "rows",
]


def backbone_path(name: str) -> Path:
    """The folder of a packaged backbone.

    Raises KeyError for a name that is not in BACKBONES.
    """
    if name not in BACKBONES:
        raise KeyError(f"no built-in backbone {name!r}; known: {', '.join(BACKBONES)}")
    return Path(__file__).parent / "backbones" / name


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
