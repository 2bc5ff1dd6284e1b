"""What a method says before a run: whether it trains, whose passes it takes, and a reasoner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.blame import blaming
from harness.method import Method, made
from harness.registry import OPTIONS, find, known_methods
from harness.settings import RunSettings


def trains(method: str, settings: RunSettings) -> bool:
    """Whether a method is trained.

    Its class says so, whose options need not be checked yet. Built-in methods whose modules need
    torch all train, and are not imported. A method of a --plugin file that is not read yet counts
    as trained.
    """
    factory = _factory(method)
    if factory is None:
        return True
    stated = getattr(factory, "trains", None)
    return stated if isinstance(stated, bool) else _made(method, factory, settings).trains


def has_own_passes(method: str, settings: RunSettings) -> bool:
    """Whether a trained method may take other passes than `train.epochs`, by its rows.

    Raises UsageError for a wrong option of the method's own.
    """
    factory = _factory(method)
    return factory is not None and _made(method, factory, settings).own_passes


def takes_reasoner(factory: Any, options: Iterable[object]) -> bool:
    """Whether `model.reasoner` can change a method's runs.

    options: values of the method's own options.

    It can for a method that builds one, and for one whose options name such a method, as sft's
    `flops_of`.
    """
    named = [find("method", name) for name in map(str, options) if name in known_methods()]
    return any(getattr(each, "has_reasoner", False) for each in (factory, *named))


def unused_reasoner(
    method: str, factory: Any, settings: RunSettings, taken: bool = False
) -> str | None:
    """What to say of a reasoner that changes nothing; None if none is named, or it may matter.

    method, factory: the method. taken: whether its model was built, with the reasoner.
    """
    name = settings.model.reasoner
    if name is None or taken or takes_reasoner(factory, settings.method.values()):
        return None
    return f"model.reasoner={name}: {method} takes no reasoner, so it changes nothing"


def _factory(method: str) -> Any:
    known = method in known_methods() and method not in OPTIONS
    return find("method", method) if known else None


def _made(method: str, factory: Any, settings: RunSettings) -> Method:
    with blaming(method, factory):
        return made(factory, settings)
