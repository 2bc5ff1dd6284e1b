"""The reference harness for personalized long-form generation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Comparison", "Run", "Runs", "compare", "load_runs", "run"]


def __getattr__(name: str) -> Any:
    """The Python interface (harness.api), imported when it is first used.

    Its types are in __init__.pyi: an import here would make it part of the code that every result
    depends on (harness/inputs/imports.py).
    """
    if name in __all__:
        return getattr(import_module(f"{__name__}.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
