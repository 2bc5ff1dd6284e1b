"""Where a method's code begins, and its source files outside the harness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.inputs.imports import OWN, closure, file_closure, file_of
from harness.plugins import home_of
from harness.registry import PLUGIN_MODULE, known_methods, table


@dataclass(frozen=True)
class Origin:
    """Where a method's code begins: a module of an installed package, or a file of its own."""

    module: str = ""
    file: Path | None = None


def origin_of(name: str, method: type) -> Origin:
    """Where the code of a method's class begins; `name` is its registered name.

    For an installed method this is the module in its entry point, which is known without importing
    it.
    """
    entry = table("method").get(name)
    module, home = method.__module__, home_of(method)
    if module.startswith(PLUGIN_MODULE):
        return Origin(file=home)
    target = entry.target.partition(":")[0] if entry else ""
    same = target.partition(".")[0] == module.partition(".")[0]
    return Origin(target) if same else Origin(module, home)


def named_origins(options: Mapping[str, object]) -> list[Origin]:
    """Where the code of the other methods begins that a method's options name (`flops_of`)."""
    known = known_methods()
    named = [each for value in map(str, options.values()) if (each := known.get(value))]
    return [Origin(each.target.partition(":")[0], each.file) for each in named]


def own_sources(origin: Origin) -> dict[str, Path]:
    """Module → file of code that is not built in: the method's file, helpers, and package."""
    package = origin.module.partition(".")[0]
    if package in OWN:
        return {}
    home = origin.file or file_of(origin.module)
    loose = file_closure(home) if home else {}
    if not package or origin.module.startswith(PLUGIN_MODULE):
        return loose
    return {**closure([origin.module], [package]), **loose}


def merged(*sources: Mapping[str, Path]) -> dict[str, Path]:
    """Sources of several origins as one: another file of a name that is taken has a number."""
    found: dict[str, Path] = {}
    for name, file in (each for one in sources for each in one.items()):
        free, number = name, 1
        while found.get(free, file).resolve() != file.resolve():
            number += 1
            free = f"{name} {number}"
        found[free] = file
    return found
