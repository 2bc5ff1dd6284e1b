"""The modules that a module depends on: its static imports, followed recursively.

Nothing is imported here. Every import counts: at the top, inside a function, and under
TYPE_CHECKING (where a package with lazy names lists them).
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import site
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from os.path import isfile
from pathlib import Path

OWN = ("baselines", "flythinker", "harness")
"""Packages of the harness itself."""
PACKAGE_FOLDERS = frozenset({"site-packages", "dist-packages"})
INIT = "__init__.py"
BESIDE = "__beside__"
"""Placeholder for the folder of a file outside packages, where its relative imports start."""


def closure(starts: Iterable[str], within: Collection[str] = OWN) -> dict[str, Path]:
    """Module → file for every module in the packages `within` that the starts import, recursively.

    A name without a file is left out: it may be an attribute, or a module in C. A closure within
    the harness is followed again where one of its files or folders has changed.
    """
    if tuple(within) != OWN:  # another package may be installed, or found elsewhere, at any time
        return _followed(starts, within)
    names = frozenset(starts)
    found, places, changes = _CLOSURES.get(names, ({}, [], []))
    if not places or changes != _changes(places):
        found = _followed(names, within)
        places = [*found.values(), *{file.parent for file in found.values()}]
        _CLOSURES[names] = found, places, _changes(places)
    return dict(found)


_CLOSURES: dict[frozenset[str], tuple[dict[str, Path], list[Path], list[object]]] = {}
"""Starts → closure within the harness, its files and folders, and their `_changes`."""


def _changes(places: Iterable[Path]) -> list[object]:
    """What changes when a file is edited, or one is added to or removed from a folder."""
    try:
        stats = [place.stat() for place in places]
    except FileNotFoundError:
        return []
    return [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in stats]


def _followed(starts: Iterable[str], within: Collection[str]) -> dict[str, Path]:
    """`closure`, followed now."""
    found: dict[str, Path] = {}
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        imported = waiting.pop()
        if imported in seen or imported.partition(".")[0] not in within:
            continue
        for name in reversed(_with_parents(imported)):
            if name in seen:
                continue
            seen.add(name)
            parent = name.rpartition(".")[0]
            if parent in found and found[parent].name != INIT:
                continue  # an attribute: a file that is no package has no modules below it
            file = file_of(name)
            if file is not None:
                found[name] = file
                package = name if file.name == INIT else parent
                waiting += [each for each in imports_of(file, package) if each not in seen]
    return found


def file_closure(start: Path) -> dict[str, Path]:
    """Module → file for a Python file and all its imports that are not installed packages.

    These are modules in its folder, and modules of a source folder on the path. The harness, the
    standard library and site-packages are left out. The file itself is named by its stem.
    """
    found: dict[str, Path] = {start.stem: start}
    beside, waiting = start.parent, [*imports_of(start, BESIDE)]
    while waiting:
        for part in _with_parents(waiting.pop().removeprefix(f"{BESIDE}.")):
            if part in found or part.partition(".")[0] in (*OWN, start.stem):
                continue
            file = _file_below(beside, part) or _loose_file(part)
            if file is None:
                continue
            found[part] = file
            package = part if file.name == INIT else part.rpartition(".")[0]
            waiting += imports_of(file, package or BESIDE)
    return found


def content_sha256(files: Mapping[str, Path]) -> str:
    """sha256 over modules and their content, independent of their folders."""
    digest = hashlib.sha256()
    for name, file in sorted(files.items()):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


def foreign_imports(files: Iterable[Path]) -> set[str]:
    """Top-level packages that the files import, without Python's and the harness's."""
    tops = {name.partition(".")[0] for file in files for name in imports_of(file, "")}
    return tops - set(sys.stdlib_module_names) - set(OWN) - {""}


def file_of(module: str) -> Path | None:
    """The source file of a module, found by its path below its top-level package."""
    top, _, below = module.partition(".")
    home = _home(top)
    if home is None or (home.is_file() and below):
        return None
    return home if home.is_file() else _file_below(home, below)


def imports_of(file: Path, package: str) -> tuple[str, ...]:
    """Absolute names that a file imports; `from a import b` gives both a and a.b.

    package: the base of relative imports; "" leaves them out. A file that cannot be parsed imports
    nothing.
    """
    stat = file.stat()
    return _imports(file, package, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=4096)
def _imports(file: Path, package: str, *_changes: int) -> tuple[str, ...]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return ()
    return tuple({name: None for node in ast.walk(tree) for name in _names(node, package)})


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and (package or not node.level):
        base = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([base] if base else [])])
        if base:
            yield base
        yield from (".".join(filter(None, (base, alias.name))) for alias in node.names)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func
        verb = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if verb in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _with_parents(name: str) -> list[str]:
    """a.b.c, a.b, a: importing a module also runs its parent packages."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _file_below(folder: Path, dotted: str) -> Path | None:
    """The file of `dotted` below a folder; for "" the folder's __init__.py."""
    place = "/".join([str(folder), *filter(None, dotted.split("."))])
    for file in (f"{place}/{INIT}", *([f"{place}.py"] if dotted else [])):
        if isfile(file):  # noqa: PTH113 (a run asks for thousands; a Path each costs more)
            return Path(file)
    return None


def _home(top: str) -> Path | None:
    """The folder of a top-level package, or the file of a top-level module."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def _loose_file(module: str) -> Path | None:
    """The file of a module that can be imported but is neither Python's nor installed."""
    if module.partition(".")[0] in sys.stdlib_module_names:
        return None
    file = file_of(module)
    return None if file is None or _is_installed(file.resolve()) else file


def _is_installed(file: Path) -> bool:
    """Whether a file belongs to Python or to an installed package, of any environment on the path.

    An environment may see another one's packages (a .pth file, PYTHONPATH).
    """
    if not PACKAGE_FOLDERS.isdisjoint(file.parts):
        return True
    return any(file.is_relative_to(place) for place in _installed())


@lru_cache(maxsize=1)
def _installed() -> tuple[Path, ...]:
    """Folders of the standard library and of installed packages."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = [sysconfig.get_path(name) for name in names]
    return tuple(
        Path(each).resolve() for each in [*places, *site.getsitepackages()] if each is not None
    )
