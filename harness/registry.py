"""Registry of methods, tasks and metrics: lazy tables of name → "module:attribute"."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, UsageError, did_you_mean

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "method": {
        "nonpers": "baselines.nonpers:NonPers",
        "rag": "baselines.rag:Rag",
        "sft": "baselines.sft:Sft",
        "cot": "baselines.cot:Cot",
        "coconut": "baselines.coconut:Coconut",
        "flythinker": "flythinker.flythinker:FlyThinker",
        "cot-oracle": "baselines.cot_oracle:CotOracle",
    },
    "task": {
        "product_review": "harness.data.tasks:PRODUCT_REVIEW",
        "abstract_generation": "harness.data.tasks:ABSTRACT_GENERATION",
        "topic_writing": "harness.data.tasks:TOPIC_WRITING",
    },
    "metric": {
        "bleu": "harness.metrics.bleu:Bleu",
        "rouge1": "harness.metrics.rouge:Rouge1",
        "rouge2": "harness.metrics.rouge:Rouge2",
        "rougeL": "harness.metrics.rouge:RougeL",
        "rougeLsum": "harness.metrics.rouge:RougeLsum",
        "meteor": "harness.metrics.meteor:Meteor",
        "following": "harness.mini.following:Following",
    },
}
METHODS = ("nonpers", "rag", "sft", "cot", "coconut", "flythinker")
"""The six of `--method all`; `cot-oracle` is an upper bound on the built-in benchmark."""
PLUGIN_MODULE = "harness_plugin_"


@dataclass(frozen=True)
class Entry:
    """A registered name: `target` is "module:attribute", `origin` the package that registers it.

    rivals: other packages that register the same name; such a name cannot be used.
    """

    name: str
    target: str
    origin: str
    rivals: tuple[str, ...] = ()

    def clash(self, kind: str) -> str:
        """What is wrong with a name that has rivals."""
        return (
            f"two {kind}s are called {self.name!r}: {' and '.join((self.origin, *self.rivals))};"
            " uninstall one of them"
        )


@cache
def table(kind: str) -> Mapping[str, Entry]:
    """All names of one kind ("method", "task", "metric"): built in and from installed packages.

    Only names are read here; a broken package, and a name that two offer, are errors when that
    name is asked for, so that they cannot take down the others.
    """
    names = {name: Entry(name, target, "built in") for name, target in BUILT_IN[kind].items()}
    for point in entry_points(group=f"harness.{kind}s"):
        origin = point.dist.name if point.dist else "an installed package"
        if first := names.get(point.name):
            names[point.name] = replace(first, rivals=(*first.rivals, origin))
        else:
            names[point.name] = Entry(point.name, point.value, origin)
    return names


def find(kind: str, name: str) -> Any:
    """The object registered under `name`; its module is imported only now.

    Raises UsageError for an unknown name (with a suggestion), for a name that two packages
    register, and for a broken plugin.
    """
    known = table(kind)
    if name not in known:
        hint = did_you_mean(name, known)
        raise UsageError(f"no {kind} {name!r}.{hint} Known: {', '.join(sorted(known))}")
    entry = known[name]
    if entry.rivals:
        raise UsageError(entry.clash(kind))
    module, _, attribute = entry.target.partition(":")
    if entry.origin == "built in":
        return getattr(import_module(module), attribute)
    try:
        found = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} ({entry.target}) is broken:"
            f" {explain(error, folder_of(module))}"
        ) from error
    if kind == "method" and getattr(found, "name", name) != name:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} calls itself {found.name!r}: {entry.target};"
            " give its class and its entry point one name"
        )
    return found


def load_plugin(path: Path) -> Any:
    """The method class of a plugin file: the only class with `name` and `prompt`.

    Raises UsageError with file and line if it cannot be loaded.
    """
    if not path.is_file():
        raise UsageError(f"--plugin {path}: no such file")
    spec = importlib.util.spec_from_file_location(f"{PLUGIN_MODULE}{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"--plugin {path}: expected a Python file, name.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
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


def plugin_sha256(method: type) -> str | None:
    """sha256 of the --plugin file of a method's class; None for an installed method."""
    home = home_of(method) if method.__module__.startswith(PLUGIN_MODULE) else None
    return hashlib.sha256(home.read_bytes()).hexdigest() if home else None


@contextmanager
def blaming(name: str, factory: Any) -> Iterator[None]:
    """Turn an error in a plugin's own code into one message with its line.

    Errors of built-in methods and of the harness itself pass unchanged.
    """
    module = getattr(factory, "__module__", "")
    home = home_of(factory) if module.startswith(PLUGIN_MODULE) else folder_of(module)
    built_in = {target.partition(".")[0] for target in BUILT_IN["method"].values()}
    try:
        yield
    except (HarnessError, OSError):
        raise
    except Exception as error:
        if module.partition(".")[0] in built_in or home is None or not _calls(error, home):
            raise
        raise UsageError(
            f"method {name!r} is broken: {explain(error, home)}\n"
            "  mend      `harness check-method` tries its parts one by one; --debug shows the"
            " traceback"
        ) from error


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
    calls = (_calls(error, home) if home else []) or _calls(error)
    file, line = calls[-1] if calls else ("an unknown place", 0)
    return f"{type(error).__name__}: {error} (at {file}:{line})"


def _calls(error: BaseException, home: Path | None = None) -> list[tuple[str, int]]:
    """File and line of every call on the way to the error, outermost first; only those in `home`,
    a file or folder, if given."""
    return [
        (frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen importlib")
        and (home is None or Path(frame.filename).resolve().is_relative_to(home.resolve()))
    ]
