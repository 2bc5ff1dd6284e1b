"""A sweep's file → its runs, their names for people, and a command for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cli.each_run import each_run
from harness.cli.expand import effective
from harness.cli.jobs import Job, Making, light_plugins
from harness.cli.options import RESULTS, RunOptions
from harness.cli.requests import Request, request_of, sharing_plugins
from harness.errors import UsageError
from harness.paths import refuse_file
from harness.record.digest import json_sha256
from harness.settings import RunSettings, assignment, differences, load_preset, validate
from harness.settings.flat import flat
from harness.settings.sweep_file import SweepFile, read_sweep_file

FIRST = ("method", "task", "seed")


@dataclass(frozen=True)
class Sweep:
    """A sweep's file with the options of the command line over it.

    file: what the file says.
    requests: one for each of its sets of runs.
    plugins: files with methods, tasks or metrics.
    results: the folder of all runs.
    """

    file: SweepFile
    requests: tuple[Request, ...]
    plugins: tuple[Path, ...]
    results: Path

    def jobs(self) -> list[Job]:
        """Every run once, checked. A run whose rate another seed's run chooses comes after it."""
        return sorted(each_run(self.requests), key=lambda job: _chooser(job) is not None)


def read_sweep(path: Path, options: RunOptions, out: Path | None) -> Sweep:
    """The runs that a sweep's file asks for.

    path: the file.
    options: of the command line; they override the file.
    out: folder for the results, where the command line gives one.

    Raises UsageError, naming file, line and field, for what cannot be run.
    """
    light_plugins(options.plugin)
    file = read_sweep_file(path)
    requests = sharing_plugins(
        [request_of(path, each.block, None, options, None, each.axes) for each in file.sets]
    )
    outs = {each.block.what.out for each in file.sets}
    if len(outs) > 1:
        raise UsageError(f"{path}: out differs between [[runs]]; expected one folder for all")
    results = refuse_file(out or Path(outs.pop() or RESULTS))
    return Sweep(file, tuple(requests), tuple(requests[0].options.plugin or ()), results)


def names(jobs: Sequence[Job]) -> list[str]:
    """What tells each run apart, e.g. `flythinker · seed 1 · lam=0.5`.

    Task and seed are left out where all runs have the same; of the settings, those are named in
    which the method's runs differ.
    """
    facts = [_facts(job) for job in jobs]
    several = {key: len({fact[key] for fact in facts}) > 1 for key in ("task", "seed")}
    differing: dict[str, list[str]] = {}
    for method in {job.method for job in jobs}:
        own = [fact for fact in facts if fact["method"] == method]
        keys = dict.fromkeys(key for fact in own for key in fact if key not in FIRST)
        differing[method] = [key for key in keys if len({str(fact.get(key)) for fact in own}) > 1]
    found = [_name(fact, several, differing[fact["method"]], brief=True) for fact in facts]
    if len(set(found)) == len(found):
        return found
    return [_name(fact, several, differing[fact["method"]], brief=False) for fact in facts]


def _name(
    fact: Mapping[str, Any], several: Mapping[str, bool], keys: Sequence[str], *, brief: bool
) -> str:
    """The name of a run.

    fact: what `_facts` returns.
    several: whether tasks and seeds differ.
    keys: settings that are named.
    brief: without sections, and without the owners of models.
    """
    parts = [fact["method"]]
    parts += [fact["task"]] if several["task"] else []
    parts += [f"seed {fact['seed']}"] if several["seed"] else []
    for key in keys:
        value = _shown(fact.get(key))
        if brief and key.startswith("model."):
            key, value = key.removeprefix("model."), value.rpartition("/")[2]
            value = value.removesuffix("-Instruct")
        parts.append(f"{key.removeprefix('method.')}={value}")
    return " · ".join(parts)


def arguments(job: Job, plugins: Sequence[Path], how: Making) -> tuple[str, ...]:
    """The words after `harness` that make a run. plugins: files that it may need."""
    settings = job.settings
    preset = validate(RunSettings, load_preset(settings.preset))
    words = ["run", "--method", job.method, "--preset", settings.preset, "--task", settings.task]
    words += ["--seed", str(settings.seed)]
    for key, value in differences(settings, preset).items():
        own = key == "method"
        given = {f"{key}.{name}": each for name, each in value.items()} if own else {key: value}
        for name, each in given.items():
            words += ["--set", assignment(name, each)]
    for plugin in plugins:
        words += ["--plugin", str(plugin)]
    words += ["--out", str(how.results)]
    if how.until is not None:
        words += ["--until", how.until]
    if how.processes > 1:
        words += ["--processes", str(how.processes)]
    return (*words, "--fresh") if how.fresh else tuple(words)


def dependencies(jobs: Sequence[Job]) -> list[tuple[int, ...]]:
    """For each run the indices of those that must end first: the one that chooses the learning
    rate, and the first one of the same weights. Otherwise it would find no rate, or both train."""
    from harness.pipeline.reuse import training_settings

    found: list[tuple[int, ...]] = []
    leaders: dict[str, int] = {}
    places = {job.key: index for index, job in enumerate(jobs)}
    for index, job in enumerate(jobs):
        first = []
        if (chooser := _chooser(job)) is not None:
            first.append(places.get(job.with_seed(chooser).key))
        if job.trains:
            weights = json_sha256(job.method, training_settings(job.settings), sort_keys=True)
            first.append(leaders.setdefault(weights, index))
        found.append(tuple(at for at in first if at is not None and at != index))
    return found


def log_name(job: Job) -> str:
    """The file name of a run's log."""
    return f"{job.settings.task}-{job.method}-s{job.settings.seed}-{job.settings.digest()[:8]}.log"


def _chooser(job: Job) -> int | None:
    """The seed of the run whose learning rate a run takes, if it takes one."""
    return job.settings.train.lr_chosen_by(job.settings.seed)


def _facts(job: Job) -> dict[str, Any]:
    """Method and settings of a run by dotted name, with the defaults of the method's options."""
    return dict(flat(effective(job.settings, job.factory))) | {"method": job.method}


def _shown(value: object) -> str:
    return ",".join(map(_shown, value)) if isinstance(value, list) else str(value)
