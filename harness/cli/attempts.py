"""One run among several: what it breaks on is told, and the others go on."""

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
    """Type and text of what a run broke on. exit_code: 2 where the user can mend it, else 1."""

    text: str
    exit_code: int


def attempt(method: str, factory: Any, make: Callable[[], Any]) -> Any:
    """What `make` gives (an Outcome of harness.run), or the Failure that it ended in.

    Of an error that the user cannot mend, and of any with --debug, the traceback goes to standard
    error.
    """
    try:
        with blaming(method, factory):
            return make()
    except Exception as error:
        told = mendable(error)
        if told is None or "--debug" in sys.argv:
            traceback.print_exc()
        return Failure(told or f"{type(error).__name__}: {error}", 2 if told else 1)
