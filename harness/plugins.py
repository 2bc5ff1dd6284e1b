"""Plugins' code: where an error in it is, and what its classes return, checked on the way in.

A wrong value would otherwise end in an error of the harness' own code, far from its cause. Built-in
classes are not checked: the conformance kit covers them.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from harness.errors import UsageError

OWN = ("harness", "baselines", "flythinker")
"""Packages whose classes are trusted."""
Expected = Callable[..., str | None]
"""Called with what a method returned and its arguments: what was expected instead, or None."""


def check_returns(cls: type, expected: Mapping[str, Expected]) -> None:
    """Check what the methods that a plugin's class defines return. For `__init_subclass__`.

    expected: method → what is wrong with what it returned.
    """
    if cls.__module__.partition(".")[0] in OWN:
        return
    for name, fault in expected.items():
        own = cls.__dict__.get(name)
        if inspect.isfunction(own):
            setattr(cls, name, _checked(own, fault))


def place_of(function: Callable[..., Any]) -> str:
    """File and line of a function's definition."""
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def folder_of(module: str) -> Path | None:
    """The folder or file of a module's top-level package; nothing is imported."""
    if module == "__main__":  # a script, or a notebook, which has no file
        file = getattr(sys.modules[module], "__file__", None)
        return Path(file) if file else None
    spec = importlib.util.find_spec(module.partition(".")[0]) if module else None
    if spec is None:
        return None
    places = spec.submodule_search_locations or [spec.origin or ""]
    return Path(next(iter(places)))


def home_of(thing: Any) -> Path | None:
    """The file that defines a class or function; None for anything else."""
    try:
        return Path(inspect.getfile(thing))
    except TypeError:
        return None


def explain(error: BaseException, home: Path | None = None) -> str:
    """The error and its place in one line: the innermost call in `home`, if given."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (at {error.filename}:{error.lineno})"
    known = (calls(error, home) if home else []) or calls(error)
    file, line = known[-1] if known else ("an unknown place", 0)
    return f"{type(error).__name__}: {error} (at {file}:{line})"


def calls(error: BaseException, home: Path | None = None) -> list[tuple[str, int]]:
    """File and line of every call on the way to the error, outermost first; only those in `home`,
    a file or folder, if given."""
    return [
        (frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen importlib")
        and (home is None or Path(frame.filename).resolve().is_relative_to(home.resolve()))
    ]


def _checked(function: Callable[..., Any], fault: Expected) -> Callable[..., Any]:
    @wraps(function)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        try:
            found = function(self, *args, **options)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # inside the method
            raise UsageError(
                f"{function.__qualname__} cannot be called as the harness does: {error}"
                f" (at {place_of(function)})\n"
                f"  expected  the parameters of the base class's {function.__name__!r}"
            ) from None
        if (expected := fault(found, *args, *options.values())) is not None:
            raise UsageError(
                f"{function.__qualname__} returned {_short(found)} (at {place_of(function)})\n"
                f"  expected  {expected}"
            )
        return found

    return called


def _short(value: object) -> str:
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{kind} of shape {tuple(shape)}"
    return "None" if value is None else f"{kind} {value!r:.60}"
