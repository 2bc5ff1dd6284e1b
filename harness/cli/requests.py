"""What a run's command and its run file ask for: methods, tasks, seeds and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.cli.expand import combinations
from harness.cli.jobs import (
    Job,
    fitting,
    lacking,
    light_plugins,
    method_named,
    methods,
    options_if_known,
    own_assignments,
    own_options,
    parse_seeds,
    plugins,
    settings_for,
    tasks,
)
from harness.cli.options import RESULTS, RunOptions
from harness.errors import UsageError
from harness.method import Factory
from harness.paths import refuse_file
from harness.registry import entry_of, known_methods
from harness.settings import Block, RunSettings, assignment, read_run_file, validate
from harness.settings.wrong import Where, place_of


@dataclass(frozen=True)
class Request:
    """One set of runs: every method on every task with every seed.

    options: of the command line, with the run file's preset and plugins.
    base: the run file's settings.
    where: where the run file has a setting.
    meant_for: methods that the settings are for; with several, each takes the options that it has.
    axes: settings of which a sweep runs every value, by dotted name.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    options: RunOptions
    base: Mapping[str, Any]
    where: Where
    meant_for: tuple[str, ...]
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def settings(
        self,
        method: str,
        factory: Factory | None,
        task: str,
        seed: int,
        more: Sequence[str] = (),
    ) -> RunSettings:
        """One run's settings; without a factory, the method's own options are not checked.

        method, factory, task, seed: of the run.
        more: assignments of a sweep.
        """
        options, base = self.options, self.base
        if self.fit and factory is not None:
            options, base = fitting(options, factory), _fitting_base(base, factory)
        if factory is not None and "method" in base:
            self._check_own_options(method, factory, base["method"])
        return settings_for(options, method, factory, more, base=base, task=task, seed=seed)

    @property
    def fit(self) -> bool:
        """Leave out options that a method lacks, because they are for one of several."""
        return len(self.meant_for) > 1

    @property
    def depends_on_the_method(self) -> bool:
        """Whether some settings are for some of the methods only, known after importing them."""
        sets = self.options.set_ or ()
        own = self.options.lam is not None or any("eval.controls" in text for text in sets)
        given = self.base.get("method") or "controls" in self.base.get("eval", {})
        return self.fit and bool(own or given)

    def refuse_unknown_methods(self) -> None:
        """Raises UsageError where a method or plugin file does not exist; neither is imported.

        A plugin file in which the name occurs is believed until `jobs` imports it.
        """
        files = self.options.plugin or ()
        if not all(path.is_file() for path in files):
            plugins(files)  # which says what is missing
        texts = [path.read_text("utf-8", "replace") for path in files]
        for name in self.methods:
            if name in known_methods() or any(name in text for text in texts):
                continue
            plugins(files)  # one that is broken is the first thing to mend
            entry_of("method", name)

    def jobs(self) -> Iterator[Job]:
        """Its runs, checked: by task, method and seed."""
        plugged = plugins(self.options.plugin)
        factories = {name: method_named(name, plugged) for name in self.methods}
        self._refuse_options_of_none(factories, plugged)
        for task in self.tasks:
            for name, factory in factories.items():
                settings = partial(self.settings, name, factory, task, self.seeds[0])
                Job(name, factory, settings()).checked()
                axes = self._assignments(name, factory)
                for each in combinations(axes, settings, factory):
                    job = Job(name, factory, each.settings).checked()
                    yield from job.with_seeds(self.seeds)

    @property
    def _own_options(self) -> list[tuple[str, object]]:
        """Names and values of methods' options, from the command line, the file and the sweep."""
        swept = [(key, value) for key, values in self.axes.items() for value in values]
        return [*own_assignments(self.options.set_), *self.base.get("method", {}).items(),
                *((key.removeprefix("method."), value) for key, value in swept)]  # fmt: skip

    def _assignments(self, method: str, factory: Factory) -> list[list[str]]:
        """For each swept setting that the method has, an assignment for each value.

        method, factory: the method.

        Raises UsageError, with the file's line, for a wrong value of the method's own option.
        """
        found = []
        for key, values in self.axes.items():
            section, _, name = key.partition(".")
            if self.fit and lacking(factory, key, self._own_options):
                continue
            if section == "method":
                for value in values:
                    given = {**_fitting_base(self.base, factory).get("method", {}), name: value}
                    self._check_own_options(method, factory, given)
            found.append([assignment(key, value) for value in values])
        return found

    def _check_own_options(self, method: str, factory: Factory, given: Mapping[str, Any]) -> None:
        """Raises UsageError, with the file's line, for a wrong option of the method."""
        options = getattr(factory, "Options", None)
        if options is None:
            return

        def place(key: str) -> str:
            return f"{place_of(self.where, f'method.{key}')}, options of {method}"

        validate(options, given, place)

    def _refuse_options_of_none(
        self, factories: Mapping[str, Factory], plugged: Mapping[str, Factory]
    ) -> None:
        """With several methods, an option goes to those that have it. Raises UsageError if none,
        also for another swept setting that changes nothing.

        factories: of the methods that are run.
        plugged: methods of plugin files.
        """
        swept = [key.removeprefix("method.") for key in self.axes if key.startswith("method.")]
        given = [*self.base.get("method", {}), *swept]
        if self.fit and given:
            known = sorted({key for factory in factories.values() for key in own_options(factory)})
            others = [name for name in self.meant_for if name not in factories]
            if not {*given} <= {*known}:  # methods that are not run are looked up only now
                found = [options_if_known(name, plugged) for name in others]
                if None in found:
                    return  # one that is not installed may have the option
                known = sorted({*known, *(key for each in found for key in each or ())})
            meant = [*factories, *others]
            for key in (key for key in given if key not in known):
                where = place_of(self.where, f"method.{key}")
                raise UsageError(
                    f"{where}: method.{key}: none of {', '.join(meant)} has this option. Known:"
                    f" {', '.join(known) or 'none'}"
                )
        for key in self.axes:
            reasons = {
                name: lacking(factory, key, self._own_options)
                for name, factory in factories.items()
            }
            if not key.startswith("method.") and all(reasons.values()):
                where = place_of(self.where, key)
                listed = ", ".join(f"{name} {reason}" for name, reason in reasons.items())
                raise UsageError(
                    f"{where}: {key} has several values and changes nothing: {listed}; expected"
                    " one value, or a method that it matters to"
                )


def requested(
    method: str | None,
    options: RunOptions,
    seed: int | None,
    seeds: str | None,
    out: Path | None,
    config: Path | None,
) -> tuple[list[Request], Path]:
    """What `harness run` asks for, and the folder for the results.

    method, options, seed, seeds, out: of the command line; they override the run file.
    config: the run file, if any.

    Raises UsageError where neither names a method, for --seed beside --seeds, and for wrong values
    in the file.
    """
    if seed is not None and seeds:
        raise UsageError(f"--seed {seed} and --seeds {seeds}; expected one of them")
    given = tuple(parse_seeds(seeds)) if seeds else None if seed is None else (seed,)
    light_plugins(options.plugin)
    if config is None:
        if method is None:
            raise UsageError(
                "run: no method; expected --method NAME (`harness list methods`) or --config FILE"
            )
        request = Request(
            methods(method), tasks(options.task or RunSettings().task), given or (0,), options, {},
            "settings", meant_for=methods(method),
        )  # fmt: skip
        return [request], refuse_file(out or RESULTS)
    blocks = read_run_file(config)
    outs = {block.what.out for block in blocks}
    if len(outs) > 1:
        raise UsageError(f"{config}: out differs between [[runs]]; expected one folder for all")
    requests = [request_of(config, block, method, options, given) for block in blocks]
    return sharing_plugins(requests), refuse_file(out or Path(outs.pop() or RESULTS))


def sharing_plugins(requests: Sequence[Request]) -> list[Request]:
    """The sets of runs of one command, each with the plugin files of all.

    One process makes all runs, so a name must mean one thing in it; two files that bring the same
    name are refused when a set's plugins are loaded.
    """
    named = [file for each in requests for file in each.options.plugin or ()]
    files = list({file.resolve(): file for file in named}.values())
    return [replace(each, options=replace(each.options, plugin=files or None)) for each in requests]


def request_of(
    config: Path,
    block: Block,
    method: str | None,
    options: RunOptions,
    seeds: Sequence[int] | None,
    axes: Mapping[str, Sequence[Any]] | None = None,
) -> Request:
    """What one block of a run file asks for, with the options of the command line over it.

    config: the file.
    block: the block.
    method, options, seeds: of the command line.
    axes: settings that a sweep varies.
    """
    what, place = block.what, block.place
    if not (method or what.methods):
        raise UsageError(
            f'{config}: no method; expected a line such as methods = "sft" or'
            ' methods = ["sft", "flythinker"], or --method'
        )
    light_plugins(list(map(Path, what.plugins)))
    asked = (options.task,) if options.task else what.tasks or (what.task,)
    chosen = tuple(seeds or what.seeds or (what.seed,))
    if min(chosen) < 0 or len(set(chosen)) < len(chosen):
        raise UsageError(
            f"{place('seeds')}: seeds = {list(chosen)}; expected different whole numbers from 0"
        )
    files = list(dict.fromkeys([*map(Path, what.plugins), *(options.plugin or ())]))
    listed = tuple(dict.fromkeys(each for name in what.methods for each in methods(name)))
    return Request(
        methods(method) if method else listed,
        tuple(dict.fromkeys(each for name in asked for each in tasks(name))),
        chosen,
        replace(
            options,
            preset=options.preset or block.preset,
            plugin=list(dict.fromkeys(files)) or None,
        ),
        block.values,
        place,
        meant_for=(*methods(method), *listed) if method == "all" else listed,
        axes=axes or {},
    )


def _fitting_base(base: Mapping[str, Any], factory: Factory) -> Mapping[str, Any]:
    """A run file's settings without options and thought replacement that a method lacks."""
    own = own_options(factory)
    kept = {key: value for key, value in base.get("method", {}).items() if key in own}
    fit = {key: value for key, value in base.items() if key != "method"}
    if kept:
        fit["method"] = kept
    if not getattr(factory, "controls", False) and "eval" in fit:
        fit["eval"] = {key: value for key, value in fit["eval"].items() if key != "controls"}
    return fit
