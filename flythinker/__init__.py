"""FlyThinker: think while generating (arXiv 2512.06690)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flythinker.model import FlyThinkerLM

__all__ = ["FlyThinkerLM"]


def __getattr__(name: str) -> Any:
    """The model, imported when it is asked for: the options alone need no torch."""
    if name == "FlyThinkerLM":
        from flythinker.model import FlyThinkerLM

        return FlyThinkerLM
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
