"""The built-in benchmark: synthetic authors whose preferences are known, and tiny backbones.

Importing this imports no torch, and the texts' modules only when asked for. docs/mini.md says what
the texts are and how to read the numbers.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.mini.benchmark import calls, preferences, rewrite, rows
    from harness.mini.call import Call
    from harness.mini.parser import followed

VERSION = "2"
"""Of the texts: any change of a seed-0 text changes it."""
TASKS = ("product_review", "abstract_generation", "topic_writing")
SETTINGS = ("user", "temporal")
SPLITS = ("train", "val", "test")
BACKBONES = ("mini", "mini-half", "mini-large")
_HOMES = {
    "Call": "call",
    "calls": "benchmark",
    "followed": "parser",
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
    "Call",
    "backbone_path",
    "calls",
    "followed",
    "preferences",
    "rewrite",
    "rows",
]


def backbone_path(name: str) -> Path:
    """Where the backbone of this name lies in the package.

    Raises KeyError for a name that is none of BACKBONES.
    """
    if name not in BACKBONES:
        raise KeyError(f"no built-in backbone {name!r}; there are {', '.join(BACKBONES)}")
    return Path(__file__).parent / "backbones" / name


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
