"""Run files: settings, methods, tasks and seeds in one TOML or YAML file.

A run file is what `harness run --config` reads and what every run leaves in its folder. A preset of
one's own is such a file with settings only. docs/run-files.md shows both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import ValidationError

from harness.errors import UsageError
from harness.settings.flat import merge, nested
from harness.settings.lines import line_of
from harness.settings.names import leaves
from harness.settings.parsed import TOML, YAML, parsed
from harness.settings.section import no_value
from harness.settings.sections import RunSettings
from harness.settings.toml_text import to_toml
from harness.settings.wrong import explain, fields_of, refuse_plain_sections

RUN_FILE = "run.toml"
"""The run file that a run leaves in its folder."""
HEAD = "# Written by `harness run`. `harness run --config` with this file gives the same run.\n"


class RunFile(RunSettings):
    """What a run file may hold: every setting, and what is run with them."""

    methods: tuple[str, ...] = ()
    """Names of methods; `all` is the six methods of the paper's table."""
    tasks: tuple[str, ...] = ()
    """Names of tasks; `all` is the three with public data. By default `task`."""
    seeds: tuple[int, ...] = ()
    """Training seeds, one run each. By default `seed`."""
    plugins: tuple[str, ...] = ()
    """Files with methods."""
    out: str | None = None
    """Folder for the results."""


SWEEP_ONLY = frozenset({"sweep", "slurm", "ray"})
"""Tables of a sweep's file (harness/settings/sweep_file.py)."""
Place = Callable[[str], str]
"""Key of a setting → `FILE line N`, for messages."""
ASKED = frozenset(RunFile.model_fields) - frozenset(RunSettings.model_fields)
"""Keys of a run file that are no settings."""


@dataclass(frozen=True)
class Block:
    """One set of runs that a file asks for: what it says, and where it says it.

    what: all that it says, by field; fields that it does not give have their defaults.
    values: the settings it gives, nested, over the file's preset.
    preset: the preset: a name, or the path of a file.
    place: key of a setting → `FILE line N`, for messages.
    """

    what: RunFile
    values: Mapping[str, Any]
    preset: str | None
    place: Place


def is_file_name(preset: str) -> bool:
    """Whether a preset is named by a file, not by its name."""
    return Path(preset).suffix in TOML + YAML


def read_run_file(path: Path) -> list[Block]:
    """The blocks of a run file: one for each `[[runs]]`, or the whole file.

    Raises UsageError, naming file and line, for anything that no run file may hold.
    """
    values, lines = parsed(path)
    for shared, own, place in tables(path, values, lines):
        for key in sorted(SWEEP_ONLY & {*shared, *own}):
            raise UsageError(
                f"{place(key)}: [{key}] is for sweeps; expected none. Run the file with"
                f" `harness sweep {path}`"
            )
    return [
        checked_block(path, merge(shared, own), place)
        for shared, own, place in tables(path, values, lines)
    ]


def tables(
    path: Path, values: Mapping[str, Any], lines: Mapping[str, int]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any], Place]]:
    """What a file says outside [[runs]], what one of them says, and where: for each [[runs]].

    path: the file.
    values: all that it says.
    lines: key → line.

    A file without [[runs]] has one set of runs. Raises UsageError where `runs` is no such list, and
    for a plain value in a section's place.
    """
    shared = {key: value for key, value in values.items() if key != "runs"}
    blocks = values.get("runs", [{}])
    if not (isinstance(blocks, list) and all(isinstance(one, dict) for one in blocks) and blocks):
        raise UsageError(
            f"{path} line {line_of(lines, 'runs')}: runs = {blocks!r}; expected a [[runs]] table"
            " for each set of runs"
        )
    above = {key: line for key, line in lines.items() if not key.startswith("runs.")}
    _refuse_plain(shared, partial(_place, path, {}, above, 0))
    found: list[tuple[Mapping[str, Any], Mapping[str, Any], Place]] = [
        (shared, own, partial(_place, path, own, lines, index)) for index, own in enumerate(blocks)
    ]
    for _, own, place in found:
        _refuse_plain(own, place)
    return found


def _refuse_plain(values: Mapping[str, Any], place: Place) -> None:
    """Raises UsageError for a plain value in the place of a section, or of [sweep]."""
    if isinstance(name := values.get("method"), str):
        raise UsageError(
            f'{place("method")}: method = "{name}"; [method] holds the method\'s own options. Write'
            f' methods = "{name}"'
        )
    if not isinstance(swept := values.get("sweep", {}), Mapping):
        raise UsageError(f"{place('sweep')}: sweep = {swept!r}; expected a table [sweep] of lists")
    refuse_plain_sections(RunFile, values, place)


def read_preset_file(path: Path) -> tuple[str | None, dict[str, Any]]:
    """The preset that a preset file builds on, if it names one, and the settings it changes."""
    values, lines = parsed(path)
    if "runs" in values:
        raise UsageError(f"{path} line {line_of(lines, 'runs')}: a preset holds settings, no runs")
    ((_, _, place),) = tables(path, values, lines)
    block = checked_block(path, values, place)
    for key in sorted({*ASKED, "task", "seed"} & set(values)):
        raise UsageError(
            f"{block.place(key)}: {key} is no setting of a preset. Put it in a run file whose"
            " `preset` names this file"
        )
    return block.preset, dict(block.values)


def run_file_text(
    settings: RunSettings,
    preset: RunSettings,
    method: str,
    *,
    plugins: Sequence[str] = (),
    out: str | None = None,
) -> str:
    """The run file of one run: its method, task and seed, and the settings that differ.

    settings: of the run.
    preset: the settings of its preset alone.
    method: the method's name.
    plugins: files that define the method.
    out: the folder for results, where it is not the default.
    """
    always = {"preset": settings.preset, "methods": method, "task": settings.task,
              "seed": settings.seed}  # fmt: skip
    given = always | {key: value for key, value in (("plugins", list(plugins)), ("out", out))
                      if value}  # fmt: skip
    return HEAD + to_toml({**given, **nested(differences(settings, preset))})


def differences(settings: RunSettings, preset: RunSettings) -> dict[str, Any]:
    """The settings of a run that differ from its preset's, by dotted name; no task and no seed."""
    plain = dict(leaves(preset.model_dump(mode="json")))
    return {
        key: value
        for key, value in leaves(settings.model_dump(mode="json"))
        if key not in ("preset", "task", "seed") and value != plain[key]
    }


def _place(
    path: Path, own: Mapping[str, Any], lines: Mapping[str, int], index: int, key: str
) -> str:
    """`FILE line N` of a key; the file alone where its line is unknown.

    path: the file.
    own: what one of its [[runs]] says.
    lines: key → line.
    index: the place among [[runs]].
    """
    here = f"runs.{index}.{key}"
    exact = lines.get(here) or lines.get(key)
    around = line_of(lines, here if key.partition(".")[0] in own else key)
    line = exact or around
    return f"{path} line {line}" if line else str(path)


def checked_block(path: Path, values: Mapping[str, Any], place: Place) -> Block:
    """One set of runs, checked.

    path: the file.
    values: all that it says about them.
    place: where it says it.
    """
    _refuse_plain(values, place)
    values = without_none(values)
    try:
        what = RunFile.model_validate(values)
    except ValidationError as error:
        raise UsageError(explain(RunFile, error.errors(), place)) from None
    preset = values.pop("preset", None)
    if preset is not None and is_file_name(preset):
        preset = str(path.parent / preset)
    settings = {key: value for key, value in values.items() if key not in ASKED}
    return Block(what, settings, preset, place)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """`"none"` becomes no value, where a setting may have none and in a method's options."""
    optional = {
        key for key, info in fields_of(RunFile).items() if NoneType in get_args(info.annotation)
    }
    return nested(
        {
            key: no_value(value)
            if key == "method"
            else None
            if key in optional and value == "none"
            else value
            for key, value in leaves(values)
        }
    )
