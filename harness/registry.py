"""Registry of methods, tasks and metrics: lazy tables of name → "module:attribute"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import plugins
from harness.errors import UsageError, did_you_mean
from harness.plugins import explain, folder_of, no_method, read_plugin

if TYPE_CHECKING:
    from harness.settings import Section

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "method": {
        "nonpers": "baselines.nonpers:NonPers",
        "rag": "baselines.rag:Rag",
        "sft": "baselines.sft:Sft",
        "cot": "baselines.cot:Cot",
        "coconut": "baselines.coconut:Coconut",
        "flythinker": "flythinker.flythinker:FlyThinker",
        "flythinker-shared": "flythinker.shared:FlyThinkerShared",
        "cot-oracle": "baselines.cot_oracle:CotOracle",
    },
    "task": {
        "product_review": "harness.data.tasks:PRODUCT_REVIEW",
        "abstract_generation": "harness.data.tasks:ABSTRACT_GENERATION",
        "topic_writing": "harness.data.tasks:TOPIC_WRITING",
        "email_generation": "harness.data.tasks:EMAIL_GENERATION",
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
OPTIONS: Mapping[str, str] = {
    "cot": "baselines.options:AnalysisOptions",
    "cot-oracle": "baselines.options:AnalysisOptions",
    "coconut": "baselines.options:CoconutOptions",
    "flythinker": "flythinker.options:FlyThinkerOptions",
    "flythinker-shared": "flythinker.options:SharedOptions",
}
"""The options of built-in methods whose own modules need torch: a comparison reads these alone."""
METHODS = ("nonpers", "rag", "sft", "cot", "coconut", "flythinker")
"""The six of `--method all`. `cot-oracle` is an upper bound on the built-in benchmark, and
`flythinker-shared` a variant of flythinker."""
TASKS = ("product_review", "abstract_generation", "topic_writing")
"""The tasks of `--task all`, whose data are public; `email_generation` needs one's own."""
PLUGIN_MODULE = plugins.PLUGIN_MODULE
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,79}")
"""Names of methods, tasks and metrics: also names of folders, so never a path."""
RESERVED = {"method": ("all", "none"), "task": ("all",)}
"""Names that commands and settings read as several, or as none, of a kind."""
ATTRIBUTES = {"method": ("name", "prompt"), "task": plugins.TASK, "metric": ("name",)}
"""What an object of a kind has, without which it is something else."""


FROM_FILES: dict[str, dict[str, Entry]] = {"task": {}, "metric": {}}
"""Tasks and metrics of the --plugin files that were loaded, as sys.modules has their modules."""
METHODS_OF_FILES: dict[str, Entry] = {}
"""Methods of the --plugin files of this command, which one of its methods may name as another."""


@dataclass(frozen=True)
class Entry:
    """A registered name: `target` is "module:attribute", `origin` the package that registers it.

    rivals: other packages that register the same name; such a name cannot be used.
    file: the --plugin file that it comes from, if any.
    """

    name: str
    target: str
    origin: str
    rivals: tuple[str, ...] = ()
    file: Path | None = None

    def clash(self, kind: str) -> str:
        """What is wrong with a name that has rivals."""
        return (
            f"two {kind}s are called {self.name!r}: {' and '.join((self.origin, *self.rivals))};"
            " uninstall one of them"
        )


@cache
def table(kind: str) -> Mapping[str, Entry]:
    """All names of one kind ("method", "task", "metric"): built in, from installed packages, and
    tasks and metrics of --plugin files.

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
    return {**names, **FROM_FILES.get(kind, {})}


def known_methods() -> Mapping[str, Entry]:
    """All methods that `find` knows: those of the table and of this command's --plugin files."""
    return {**table("method"), **METHODS_OF_FILES}


def known(kind: str) -> Mapping[str, Entry]:
    """All names of one kind that `find` knows."""
    return known_methods() if kind == "method" else table(kind)


def entry_of(kind: str, name: str) -> Entry:
    """What is registered under `name`, without importing it. Raises UsageError for an unknown name
    (with a suggestion), and for one that two packages register."""
    names = known(kind)
    if name not in names:
        hint = did_you_mean(name, names)
        raise UsageError(f"no {kind} {name!r}.{hint} Known: {', '.join(sorted(names))}")
    entry = names[name]
    if entry.rivals:
        raise UsageError(entry.clash(kind))
    return entry


def find(kind: str, name: str) -> Any:
    """The object registered under `name`; its module is imported only now.

    Raises UsageError for an unknown name (with a suggestion), for a name that two packages
    register, and for a broken plugin.
    """
    entry = entry_of(kind, name)
    refuse_name(kind, name, f"{kind} of {entry.origin} ({entry.target})")
    module, _, attribute = entry.target.partition(":")
    if entry.origin == "built in":
        return getattr(import_module(module), attribute)
    try:
        found = getattr(import_module(module), attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} ({entry.target}) is broken:"
            f" {explain(error, folder_of(module))}"
        ) from error
    lacking = [each for each in ATTRIBUTES[kind] if not hasattr(found, each)]
    if lacking and kind != "metric":  # which says itself what it expected
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} ({entry.target}): found"
            f" {type(found).__name__} {found!r:.60} without {lacking[0]!r}; docs/plugins.md shows"
            f" what a {kind} is"
        )
    if getattr(found, "name", name) != name:
        raise UsageError(
            f"{kind} {name!r} of {entry.origin} calls itself {found.name!r}: {entry.target};"
            " give it and its entry point one name"
        )
    return found


def options_of(method: str) -> type[Section]:
    """The class of a method's own options; only a plugin's is taken from the method itself.

    Raises UsageError as `find` does.
    """
    entry = known_methods().get(method)
    if entry is not None and entry.origin == "built in" and method in OPTIONS:
        module, _, attribute = OPTIONS[method].partition(":")
        return getattr(import_module(module), attribute)  # type: ignore[no-any-return]
    return find("method", method).Options  # type: ignore[no-any-return]


def register_plugins(paths: Iterable[Path]) -> dict[str, Any]:
    """The methods of --plugin files by name; their tasks and metrics become known by name.

    `find` knows the methods until the next call.

    Raises UsageError, with file and line, for a broken file, one that brings nothing, and a name
    that is taken.
    """
    methods: dict[str, Any] = {}
    brought: dict[str, dict[str, Entry]] = {kind: {} for kind in ("method", *FROM_FILES)}
    METHODS_OF_FILES.clear()
    for path in paths:
        file = read_plugin(path, _is_built_in_task)
        if file.method is not None:
            methods[file.method.name] = file.method
        named = {file.method.name: file.method.__name__} if file.method else {}
        for kind, names in (("method", named), ("task", file.tasks), ("metric", file.metrics)):
            for name, attribute in names.items():
                refuse_name(kind, name, f"--plugin {path}")
                _refuse_taken(kind, name, path, brought[kind])
                target = f"{file.module}:{attribute}"
                brought[kind][name] = Entry(name, target, str(path), file=path)
    METHODS_OF_FILES.update(brought.pop("method"))
    for kind, entries in brought.items():
        FROM_FILES[kind] |= entries
    table.cache_clear()
    return methods


def load_plugin(path: Path) -> Any:
    """The method class of a plugin file: the only class with `name` and `prompt`.

    Raises UsageError with file and line if it cannot be loaded.
    """
    method = read_plugin(path, _is_built_in_task).method
    if method is None:
        raise no_method(path, [])
    refuse_name("method", method.name, f"--plugin {path}")
    return method


def _is_built_in_task(task: Any) -> bool:
    """Whether a plugin file only imported the task."""
    target = BUILT_IN["task"].get(task.name)
    if target is None:
        return False
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute) is task


def _refuse_taken(kind: str, name: str, path: Path, brought: Mapping[str, object]) -> None:
    """Raises UsageError for a name of something built in, installed, or in another file."""
    first = table(kind).get(name)
    taken = first is not None and first.file is None
    if taken or name in brought:
        origin = first.origin if taken and first else "another --plugin"
        raise _taken(kind, name, f"--plugin {path}", origin)


def refuse_class(method: type[Any], where: str) -> None:
    """Raises UsageError for a method's class whose name cannot be used or is another method's.

    where: what has the name, for the message.
    """
    refuse_name("method", getattr(method, "name", ""), where)
    first = table("method").get(method.name)
    if first is not None and first.target != f"{method.__module__}:{method.__qualname__}":
        raise _taken("method", method.name, where, first.origin)


def _taken(kind: str, name: str, where: str, origin: str) -> UsageError:
    return UsageError(f"{where}: a {kind} called {name!r} exists already ({origin}); rename one")


def refuse_name(kind: str, name: object, where: str) -> None:
    """Raises UsageError for a name that cannot be a folder's, or that means something else.

    where: what has the name, for the message.
    """
    if name in RESERVED.get(kind, ()):
        raise UsageError(
            f"{where}: {name!r} has a meaning of its own where a {kind} is named; expected another"
            f" name, like my_{kind}"
        )
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise UsageError(
            f"{where}: its name is {name!r:.90}; expected up to 80 letters, digits, '-', '_' and"
            " single dots, since results lie in a folder of that name"
        )
