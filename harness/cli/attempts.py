"""One run among several: its error is reported, and the rest continue."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.errors import mendable
from harness.registry import blaming


@dataclass(frozen=True)
class Failure:
    """Type and text of a run's error. exit_code: 2 if the user can fix it, else 1."""

    text: str
    exit_code: int


def attempt(method: str, factory: Any, make: Callable[[], Any]) -> Any:
    """The result of `make` (an Outcome of harness.run), or a Failure.

    Prints the traceback to standard error for an error that the user cannot fix, and with --debug.
    """
    try:
        with blaming(method, factory):
            return make()
    except Exception as error:
        message = mendable(error)
        if message is None or "--debug" in sys.argv:
            traceback.print_exc()
        return Failure(message or f"{type(error).__name__}: {error}", 2 if message else 1)
