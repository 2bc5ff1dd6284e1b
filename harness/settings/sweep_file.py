"""Sweep files: run files in which a setting may have several values, each of which is run.

A setting that takes one value is swept by giving it a list: `train.lr = [1e-4, 3e-4]`. `[sweep]`
holds the lists of any setting, also of one whose value is itself a list:
`sweep.train.lr_grid = [[1e-4], [3e-4]]`. Every combination is run. docs/sweeps.md shows both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic import Field

from harness.errors import UsageError
from harness.settings.flat import merge, nested
from harness.settings.merged import validate
from harness.settings.names import leaves
from harness.settings.parsed import parsed
from harness.settings.run_file import (
    ASKED,
    SWEEP_ONLY,
    Block,
    Place,
    RunFile,
    checked_block,
    tables,
    without_none,
)
from harness.settings.section import Section
from harness.settings.wrong import fields_of

LISTED = {"seed": "seeds", "task": "tasks"}
"""A key of one value → the key that takes several."""
FIXED = {"preset": "a [[runs]] table for each preset", **LISTED}
"""Keys that cannot be swept, and what to write instead."""


class SlurmSettings(Section):
    """What a Slurm job asks for. Fields without a value are left to the cluster."""

    partition: str | None = None
    """Queue of the jobs."""
    time: int = Field(1440, ge=1)
    """Minutes after which a job ends. A run that needs more is submitted again, and goes on."""
    gpus: int = Field(1, ge=0)
    """GPUs of a job."""
    cpus: int = Field(8, ge=1)
    """CPU cores of a job."""
    mem: str | None = None
    """Main memory of a job, e.g. `64G`."""
    account: str | None = None
    """Account that pays."""
    qos: str | None = None
    """Quality of service."""
    constraint: str | None = None
    """Features that a node must have."""
    exclude: str | None = None
    """Nodes that are not used."""
    setup: tuple[str, ...] = ()
    """Shell lines to run first, e.g. `module load cuda`."""
    more: dict[str, str | int | bool] = Field(default_factory=dict)
    """Any other option of sbatch, by its name: `more.mail-type = "FAIL"`."""


class RaySettings(Section):
    """What a task of a Ray cluster asks for."""

    address: str | None = None
    """Address of the cluster, e.g. `auto`; by default one is started on this machine."""
    cpus: float = Field(1, gt=0)
    """CPU cores of a task."""
    gpus: float = Field(0, ge=0)
    """GPUs of a task."""


@dataclass(frozen=True)
class Swept:
    """One set of runs of a sweep's file: what is the same in all, and the values that vary.

    block: the set, without the settings that vary.
    axes: setting by dotted name → its values, in the file's order.
    places: setting by dotted name → where its values are, for messages.
    """

    block: Block
    axes: Mapping[str, Sequence[Any]]
    places: Mapping[str, str]


@dataclass(frozen=True)
class SweepFile:
    """A sweep's file: its sets of runs, and what its jobs ask of a scheduler."""

    sets: tuple[Swept, ...]
    slurm: SlurmSettings
    ray: RaySettings


def read_sweep_file(path: Path) -> SweepFile:
    """The content of a sweep's file. Any run file is one.

    Raises UsageError, naming file and line, for anything that no sweep may hold.
    """
    values, lines = parsed(path)
    slurm, ray = values.pop("slurm", {}), values.pop("ray", {})
    found = tables(path, values, lines)
    _, _, place = found[0]
    return SweepFile(
        tuple(_swept(path, *each) for each in found),
        validate(SlurmSettings, slurm, lambda key: place(f"slurm.{key}") + ", [slurm]"),
        validate(RaySettings, ray, lambda key: place(f"ray.{key}") + ", [ray]"),
    )


def _swept(path: Path, shared: Mapping[str, Any], own: Mapping[str, Any], place: Place) -> Swept:
    """One set of runs: lists of values are taken out, and every value is checked.

    path: the file.
    shared, own: what it says above all [[runs]], and in this one.
    place: where.
    """
    for key in sorted(SWEEP_ONLY - {"sweep"}):
        if key in own:
            raise UsageError(f"{place(key)}: [{key}] inside [[runs]]; put it above all [[runs]]")
    values = merge(_not_replaced(shared, own), own)
    swept = values.pop("sweep", {})
    takes_lists = {
        key for key, info in fields_of(RunFile).items() if get_origin(info.annotation) is tuple
    } | ASKED  # fmt: skip
    axes: dict[str, list[Any]] = {}
    places: dict[str, str] = {}
    plain = {}
    for key, value in _settings(values):
        if isinstance(value, list) and key not in takes_lists:
            axes[key], places[key] = value, place(key)
        else:
            plain[key] = value
    for key, value in _settings(swept):
        where = place(f"sweep.{key}")
        if key in ASKED:
            raise UsageError(f"{where}: sweep.{key}; write {key} = … outside [sweep]")
        if not isinstance(value, list):
            raise UsageError(f"{where}: {key} = {value!r}; expected a list of values to run")
        if key in axes or key in plain:
            raise UsageError(
                f"{where}: {key} has a list here and stands at {place(key)} too; expected one of"
                " them. Leave the other out"
            )
        axes[key], places[key] = value, where
    for key, listed in axes.items():
        _refuse_odd(key, listed, places[key])
    return _checked(path, nested(plain), axes, places, place)


def _not_replaced(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What stands above all [[runs]] without what one of them replaces by other means: a list
    under [sweep] by a value outside, or a value outside by such a list.

    shared, own: as above.
    """
    outside, lists = _parts(shared)
    own_outside, own_lists = _parts(own)
    kept = {key: value for key, value in outside.items() if key not in own_lists}
    return nested(
        kept
        | {
            f"sweep.{key}": value
            for key, value in lists.items()
            if key in ASKED or key not in own_outside  # those of ASKED are refused
        }
    )


def _parts(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings by dotted name: those outside [sweep], and those inside."""
    outside = {key: value for key, value in values.items() if key != "sweep"}
    return dict(_settings(outside)), dict(_settings(values.get("sweep", {})))


def _settings(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Every setting by dotted name, the method's own options one by one."""
    found: list[tuple[str, Any]] = []
    for key, value in leaves(values):
        inside = key == "method" and isinstance(value, Mapping)
        found += [(f"method.{name}", each) for name, each in value.items()] if inside else [
            (key, value)
        ]  # fmt: skip
    return found


def _refuse_odd(key: str, listed: Sequence[Any], where: str) -> None:
    """Raises UsageError for a key that cannot be swept, for no values, and for one given twice."""
    if key == "method" or any(name.startswith(f"{key}.") for name in fields_of(RunFile)):
        raise UsageError(
            f"{where}: {key} is a section; expected one key of it. For values that belong together"
            " write a [[runs]] table for each"
        )
    if key in FIXED:
        raise UsageError(f"{where}: {key} = {list(listed)!r}; expected one value. Use {FIXED[key]}")
    if not listed:
        raise UsageError(f"{where}: {key} = []; expected at least one value")
    for index, value in enumerate(listed):
        if value in listed[:index]:
            raise UsageError(f"{where}: {key} names {value!r} twice; expected each value once")


def _checked(
    path: Path,
    plain: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any]],
    places: Mapping[str, str],
    place: Place,
) -> Swept:
    """A set of runs after a check of every value.

    path: the file.
    plain: what is the same in all runs.
    axes, places: settings that vary, and where.
    place: where the rest is.
    """

    def where(key: str) -> str:
        own = (at for name, at in places.items() if f"{key}.".startswith(f"{name}."))
        return next(own, place(key))

    block = checked_block(path, plain, where)
    for key, listed in axes.items():
        for value in listed:
            checked_block(path, merge(plain, nested({key: value})), where)
    return Swept(block, {key: _without_none(key, listed) for key, listed in axes.items()}, places)


def _without_none(key: str, listed: Sequence[Any]) -> list[Any]:
    """The values of a setting, with "none" as no value where it may have none."""
    return [dict(_settings(without_none(nested({key: each}))))[key] for each in listed]
