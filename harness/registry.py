"""Names find their factories: lazy "module:attribute" tables for methods, tasks and metrics."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.errors import UsageError

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "method": {
        "nonpers": "baselines.nonpers:NonPers",
        "rag": "baselines.rag:Rag",
        "sft": "baselines.sft:Sft",
        "cot": "baselines.cot:Cot",
        "coconut": "baselines.coconut:Coconut",
        "flythinker": "flythinker.method:FlyThinker",
    },
    "task": {
        "product_review": "harness.data.tasks:PRODUCT_REVIEW",
        "abstract_generation": "harness.data.tasks:ABSTRACT_GENERATION",
        "topic_writing": "harness.data.tasks:TOPIC_WRITING",
    },
    "metric": {
        "bleu": "harness.metrics.bleu:bleu",
        "rouge1": "harness.metrics.rouge:rouge1",
        "rouge2": "harness.metrics.rouge:rouge2",
        "rougeL": "harness.metrics.rouge:rougeL",
        "rougeLsum": "harness.metrics.rouge:rougeLsum",
        "meteor": "harness.metrics.meteor:meteor",
    },
}
METHODS = tuple(BUILT_IN["method"])


@dataclass(frozen=True)
class Entry:
    """Where a name leads: `target` is "module:attribute", `origin` says who offers it."""

    name: str
    target: str
    origin: str


@cache
def table(kind: str) -> Mapping[str, Entry]:
    """All names of one kind ("method", "task", "metric"): built in and from installed packages.

    Only names are read here; a broken package shows when its name is asked for.
    Raises UsageError where two packages offer one name.
    """
    names = {name: Entry(name, target, "built in") for name, target in BUILT_IN[kind].items()}
    for point in entry_points(group=f"harness.{kind}s"):
        origin = point.dist.name if point.dist else "an installed package"
        if point.name in names:
            raise UsageError(
                f"two {kind}s are called {point.name!r}: {names[point.name].origin} and {origin};"
                " uninstall one of them"
            )
        names[point.name] = Entry(point.name, point.value, origin)
    return names


def find(kind: str, name: str) -> Any:
    """What `name` leads to; its module is imported here, not before.

    Raises UsageError for an unknown name (with the nearest one) and for a broken plugin.
    """
    known = table(kind)
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no {kind} {name!r}.{hint} Known: {', '.join(sorted(known))}")
    entry = known[name]
    module, _, attribute = entry.target.partition(":")
    if entry.origin == "built in":
        return getattr(import_module(module), attribute)
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} is broken: {explain(error)}"
        ) from error
    if kind == "method" and getattr(found, "name", name) != name:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} calls itself {found.name!r}: {entry.target};"
            " give its class and its entry point one name"
        )
    return found


def load_plugin(path: Path) -> Any:
    """The method class that a plugin file defines: its one `Method`-like class with a `name`.

    Raises UsageError naming the file and line where it breaks.
    """
    if not path.is_file():
        raise UsageError(f"--plugin {path}: no such file")
    spec = importlib.util.spec_from_file_location(f"harness_plugin_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--plugin {path}: expected a Python file, name.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"--plugin {path} is broken: {explain(error, path)}") from error
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == spec.name
        and hasattr(value, "prompt")
        and isinstance(name := getattr(value, "name", None), str)
        and name
    ]
    if len(found) != 1:
        names = f" ({', '.join(each.__name__ for each in found)})" if found else ""
        raise UsageError(
            f"--plugin {path}: expected one class with `name` and `prompt`, found"
            f" {len(found)}{names}; `harness new-method NAME` writes one to start from"
        )
    return found[0]


def home_of(thing: Any) -> Path | None:
    """The file that defines a class or function; None for anything else."""
    try:
        return Path(inspect.getfile(thing))
    except TypeError:
        return None


def explain(error: BaseException, home: Path | None = None) -> str:
    """One line: the error and its place, the deepest one in the file `home` where it has one."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (at {error.filename}:{error.lineno})"
    frames = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen importlib")
    ]
    own = [frame for frame in frames if home and Path(frame[0]).resolve() == home.resolve()]
    file, line = (own or frames or [("an unknown place", 0)])[-1]
    return f"{type(error).__name__}: {error} (at {file}:{line})"
