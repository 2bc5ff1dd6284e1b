"""Plugins' code: where an error in it is, and what its classes return, checked on the way in.

A wrong value would otherwise end in an error of the harness' own code, far from its cause. Built-in
classes are not checked: the conformance kit covers them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from harness.errors import UsageError

OWN = ("harness", "baselines", "flythinker")
"""Packages whose classes are trusted."""
PLUGIN_MODULE = "harness_plugin_"
"""How the modules of --plugin files begin. The rest depends on the file's folder, so no digest may
hold it."""
RAN = "__harness_ran__"
"""In the module of a --plugin file: the text that was run."""
TASK = ("row", "user", "entry")
"""What a task has, without which an object is something else."""
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
    """The file that defines a class or function; None for anything else, and without a file, as in
    a notebook."""
    try:
        return Path(inspect.getfile(thing))
    except (TypeError, OSError):
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


@dataclass(frozen=True)
class PluginFile:
    """What a --plugin file brings: its method's class, and names of tasks and metrics.

    tasks, metrics: name → attribute of the file's module.
    """

    module: str
    method: Any
    tasks: Mapping[str, str]
    metrics: Mapping[str, str]


def module_of(path: Path) -> str:
    """The name of a --plugin file's module: the same in every process, and another for every file.

    Classes are imported, and pickled, by it.
    """
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return f"{PLUGIN_MODULE}{path.stem.replace('.', '_')}_{digest[:12]}"


class _AsItIs(SourceFileLoader):
    """Runs a file as it is: bytecode kept from an earlier state of it would be taken for it if both
    have one length and were written in the same second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _module(path: Path, name: str) -> ModuleType:
    """The module of a plugin file; the same one while the file is the same, so that its classes
    stay those that are imported by their name.

    Raises UsageError, with file and line, if it is broken.
    """
    loader, known = _AsItIs(name, str(path)), sys.modules.get(name)
    text = path.read_bytes()
    if known is not None and getattr(known, RAN, None) == text:
        return known
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # only without a loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"--plugin {path} is broken: {explain(error, path)}") from error
    setattr(module, RAN, text)
    return module


def refuse_no_python(option: str, path: Path) -> None:
    """Raises UsageError, naming the option, for a path that is not a Python file's."""
    if path.suffix != ".py":
        raise UsageError(f"{option} {path}: expected a Python file, name.py")


def read_plugin(path: Path, is_known_task: Callable[[Any], bool]) -> PluginFile:
    """Run a plugin file.

    is_known_task: whether an object is a built-in task, which the file only imported.

    Raises UsageError with file and line if it is broken, brings nothing, or two methods.
    """
    if not path.is_file():
        raise UsageError(f"--plugin {path}: no such file")
    refuse_no_python("--plugin", path)
    own_module = module_of(path)
    module = _module(path, own_module)
    named = {
        key: value
        for key, value in vars(module).items()
        if isinstance(name := getattr(value, "name", None), str) and name
    }
    own: dict[str, Any] = {
        key: value
        for key, value in named.items()
        if isinstance(value, type) and value.__module__ == own_module
    }
    methods = list(dict.fromkeys(each for each in own.values() if hasattr(each, "prompt")))
    metrics = {
        each.name: key
        for key, each in own.items()
        if each not in methods and hasattr(each, "rows") and hasattr(each, "value")
    }
    tasks = {
        each.name: key
        for key, each in named.items()
        if not isinstance(each, type)
        and all(hasattr(each, attribute) for attribute in TASK)
        and not is_known_task(each)
    }
    if len(methods) > 1 or not (methods or metrics or tasks):
        raise no_method(path, methods)
    return PluginFile(own_module, methods[0] if methods else None, tasks, metrics)


def no_method(path: Path, found: Sequence[type]) -> UsageError:
    """The error for a plugin file without what was expected of it."""
    names = f" ({', '.join(each.__name__ for each in found)})" if found else ""
    return UsageError(
        f"--plugin {path}: expected one class with `name` and `prompt`, found"
        f" {len(found)}{names}; `harness new-method NAME` writes one to start from (`new-task` and"
        " `new-metric` write the other plugins)"
    )


def plugin_sha256(method: type) -> str | None:
    """sha256 of the --plugin file of a method's class; None for an installed method."""
    home = home_of(method) if method.__module__.startswith(PLUGIN_MODULE) else None
    return hashlib.sha256(home.read_bytes()).hexdigest() if home else None
