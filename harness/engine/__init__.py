"""The engine: batches, models, training, decoding. Names that other tools rely on are here.

Importing this imports no torch; its names do, when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.engine.batch import Batch
    from harness.engine.decode import generate
    from harness.engine.lm import CausalLM, PersonalLM

_HOMES = {"Batch": "batch", "CausalLM": "lm", "PersonalLM": "lm", "generate": "decode"}
__all__ = ["Batch", "CausalLM", "PersonalLM", "generate"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
