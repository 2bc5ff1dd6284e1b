"""Errors in a plugin's own code as one message with its line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError, is_out_of_memory
from harness.plugins import PLUGIN_MODULE, calls, folder_of, home_of, place_of
from harness.registry import BUILT_IN, table


@contextmanager
def blaming(name: str = "", factory: Any = None) -> Iterator[None]:
    """Turn an error in a plugin's own code into one message with its line.

    name, factory: the method that runs; without them, any plugin that was imported.

    Errors of built-in methods and of the harness itself pass unchanged.
    """
    try:
        yield
    except (HarnessError, KeyboardInterrupt):
        raise
    except BaseException as error:
        culprit, place = _culprit(error, name, factory)
        if culprit is None or is_out_of_memory(error):
            raise
        raise UsageError(
            f"{culprit} is broken: {type(error).__name__}: {error} (at {place})\n"
            "  mend      `harness check-method` tries a method's parts one by one; --debug shows"
            " the traceback"
        ) from error


def _culprit(error: BaseException, name: str, factory: Any) -> tuple[str | None, str]:
    """The plugin whose code is on the way to an error, in words, and file and line there.

    An OSError counts only where the plugin itself caused it: its message names a file already.
    """
    last = calls(error)[-1:]
    for what, home in _homes(name, factory):
        own = calls(error, home)[-1:]
        if own and (own == last or not isinstance(error, OSError)):
            return what, "{}:{}".format(*own[0])
    wrong_call = isinstance(error, TypeError) and str(error).startswith(
        f"{getattr(factory, '__qualname__', '')}.__init__("
    )
    if wrong_call:
        return f"method {name!r}", place_of(factory.__init__)
    return None, ""


def _homes(name: str, factory: Any) -> Iterator[tuple[str, Path]]:
    """(plugin in words, its file or folder): the given one, then every other that is imported."""
    module = getattr(factory, "__module__", "")
    built_in = {target.partition(".")[0] for target in BUILT_IN["method"].values()}
    if module and module.partition(".")[0] not in built_in:
        home = home_of(factory) if module.startswith(PLUGIN_MODULE) else folder_of(module)
        if home is not None:
            yield f"method {name!r}", home
    for known, loaded in list(sys.modules.items()):
        if known.startswith(PLUGIN_MODULE) and (file := getattr(loaded, "__file__", None)):
            yield f"--plugin {file}", Path(file)
    for kind in BUILT_IN:
        for entry in table(kind).values():
            top = entry.target.partition(":")[0].partition(".")[0]
            if entry.origin != "built in" and top in sys.modules and (home := folder_of(top)):
                yield f"{kind} {entry.name!r} of {entry.origin}", home
