"""Options → the runs that they ask for, and making one of them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.blame import blaming
from harness.cli.options import ModelOptions, RunOptions
from harness.cli.screen import command_line
from harness.errors import HarnessError, UsageError, mendable
from harness.inputs.imports import imports_of
from harness.method import Factory
from harness.pipeline.method_training import takes_reasoner
from harness.pipeline.stops import Until
from harness.progress import Bars
from harness.registry import METHODS, TASKS, find, register_plugins
from harness.settings import RunSettings, build_settings, validate
from harness.settings.flat import merge, nested
from harness.settings.merged import OPTION_KEYS, option_values

if TYPE_CHECKING:
    from harness.engine.ranks import Ranks
    from harness.record import Outcome

Options = Iterable[tuple[str, object]]
"""Names and values of methods' own options, without their section."""
OWN = "method."
"""Their section."""


@dataclass(frozen=True)
class Failure:
    """Type and text of a run's error. exit_code: 2 if the user can fix it, else 1."""

    text: str
    exit_code: int


@dataclass(frozen=True)
class Making:
    """How runs are made.

    results: the folder of all runs.
    fresh: redo those that are complete.
    until: where they stop.
    processes: how many each of them has.
    """

    results: Path
    fresh: bool = False
    until: Until | None = None
    processes: int = 1


@dataclass(frozen=True)
class Job:
    """One run to make or to read: a method's name, what makes it, and the run's settings."""

    method: str
    factory: Factory
    settings: RunSettings

    @property
    def key(self) -> tuple[str, str]:
        """The same for jobs that are the same run."""
        return self.method, self.settings.digest()

    def checked(self) -> Job:
        """This job, after the method has checked its own options."""
        with blaming(self.method, self.factory):
            self.factory(self.settings)
        return self

    @property
    def trains(self) -> bool:
        """Whether the method trains, so that seeds give different models."""
        return self.factory(self.settings).trains

    def with_seed(self, seed: int) -> Job:
        settings = validate(RunSettings, {**self.settings.model_dump(), "seed": seed})
        return replace(self, settings=settings)

    def with_seeds(self, seeds: Sequence[int]) -> list[Job]:
        """A job for each training seed; only the first for a method that does not train."""
        return [self.with_seed(seed) for seed in (seeds if self.trains else seeds[:1])]

    def make(self, how: Making, ranks: Ranks | None = None) -> Outcome:
        """Make or read the run. ranks: the processes that make it, of which this is the first."""
        from harness.pipeline.single import run

        with blaming(self.method, self.factory):
            return run(
                self.settings, self.method, how.results, command=command_line(), fresh=how.fresh,
                factory=self.factory, bars=Bars(), ranks=ranks, until=how.until,
            )  # fmt: skip

    def follow(self, results: Path, ranks: Ranks) -> None:
        """Work on the run as one of several processes that is not the first."""
        from harness.pipeline.follow import follow_run

        follow_run(self.settings, self.method, results, ranks, self.factory)

    def attempt(self, how: Making, ranks: Ranks | None = None) -> Outcome | Failure:
        """Like `make`, but an error is a Failure, so that other runs can continue; with several
        processes they cannot after an error that ended one.

        Prints the traceback to standard error for an error that the user cannot fix, and with
        --debug.
        """
        try:
            return self.make(how, ranks)
        except Exception as error:
            if ranks is not None and ranks.left:
                raise
            message = mendable(error)
            if message is None or "--debug" in sys.argv:
                traceback.print_exc()
            return Failure(message or f"{type(error).__name__}: {error}", 2 if message else 1)


def settings_for(
    options: ModelOptions,
    method: str,
    factory: Factory | None,
    more: Sequence[str] = (),
    base: Mapping[str, Any] | None = None,
    **values: Any,
) -> RunSettings:
    """One run's settings.

    options: as the user gave them.
    method, factory: the method; without a factory, `lam` is not checked.
    more: assignments besides those of --set.
    base: settings of a run file; options override them.
    values: settings outside sections, e.g. another task.

    Raises UsageError for a wrong setting, and for `lam` of a method without it.
    """
    preset, base = options.preset or RunSettings().preset, base or {}
    named = {name: getattr(options, name, None) for name in OPTION_KEYS}
    given = option_values(named, preset, base)
    if factory is not None and "method.lam" in given and "lam" not in own_options(factory):
        raise UsageError(
            f"--lam {given['method.lam']}: method {method!r} has no option lam (the weight of"
            " thoughts); leave it out, or run --method flythinker"
        )
    assignments = [*(options.set_ or ()), *more]
    return build_settings(preset, assignments, merge(base, nested(given | values)))


def fitting(options: RunOptions, factory: Factory) -> RunOptions:
    """The options without lam and thought replacement, unless the method has them."""
    sets = options.set_ or []
    if not getattr(factory, "controls", False):
        sets = [text for text in sets if not text.strip().startswith("eval.controls=")]
    return replace(options, lam=options.lam if "lam" in own_options(factory) else None, set_=sets)


def lacking(factory: Factory, key: str, options: Options = ()) -> str | None:
    """Why a setting changes nothing in a method's runs; None if it may change something.

    key: of the setting, e.g. `train.lr`.
    options: names and values of methods' options; some name a method that this one depends on.
    """
    section, _, name = key.partition(".")
    if section == "method" and name not in own_options(factory):
        return f"has no option {name}"
    if section == "train" and not getattr(factory, "trains", True):
        return "is not trained"
    if key == "eval.controls" and not getattr(factory, "controls", False):
        return "has no thoughts to replace"
    if key == "model.reasoner" and not takes_reasoner(
        factory, [value for option, value in options if option in own_options(factory)]
    ):
        return "takes no reasoner"
    return None


def own_assignments(sets: Sequence[str] | None) -> list[tuple[str, object]]:
    """Names and values of methods' options in `section.key=value` texts."""
    parts = (text.strip().partition("=") for text in sets or () if text.strip().startswith(OWN))
    return [(key.removeprefix(OWN), value) for key, _, value in parts]


def own_options(factory: Factory) -> list[str]:
    """Names of the settings that a method declares as its own."""
    options = getattr(factory, "Options", None)
    return list(options.model_fields) if options is not None else []


def plugins(paths: Sequence[Path] | None) -> dict[str, Factory]:
    """Methods of plugin files by name; their tasks and metrics are then known by name too.

    Raises UsageError if a name is taken.
    """
    return dict(register_plugins(paths or ()))


def light_plugins(paths: Sequence[Path] | None) -> None:
    """Make the tasks and metrics of plugin files known early, where that imports no torch.

    A file with a method waits for `plugins`, unless it also has a task or metric.
    """
    more = ("harness.data", "harness.metrics")
    light = [
        path
        for path in paths or ()
        if path.is_file() and any(name.startswith(more) for name in imports_of(path, ""))
    ]
    if light:
        register_plugins(light)


def method_named(name: str, plugged: Mapping[str, Factory]) -> Factory:
    """The method of a name, from a plugin file or the registry."""
    factory: Factory = plugged[name] if name in plugged else find("method", name)
    return factory


def options_if_known(name: str, plugged: Mapping[str, Factory]) -> list[str] | None:
    """The options of a method; None if it is not installed here."""
    try:
        return own_options(method_named(name, plugged))
    except HarnessError:
        return None


def methods(name: str) -> tuple[str, ...]:
    """The names of the methods to run; `all` means the built-in ones."""
    return METHODS if name == "all" else (name,)


def tasks(name: str) -> tuple[str, ...]:
    """The tasks to run; `all` means those with public data. Raises UsageError for an unknown
    one."""
    if name == "all":
        return TASKS
    find("task", name)
    return (name,)


def parse_seeds(text: str) -> list[int]:
    """`0,1,2` → [0, 1, 2]. Raises UsageError for anything else, or a seed given twice."""
    seeds = integers(text)
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UsageError(f"--seeds {text}; expected different whole numbers from 0, e.g. 0,1,2")
    return seeds


def integers(text: str) -> list[int]:
    """`1,8` → [1, 8]; nothing if a part is no whole number."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        return []
