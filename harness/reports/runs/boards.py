"""Records on disk → systems → the board of each task."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import DataError
from harness.record import Record, find_runs, read_record, recorded_texts
from harness.registry import METHODS
from harness.reports.runs.choices import OPTION, chosen_by, telling, usual
from harness.reports.runs.recorded_floors import floors_beside
from harness.reports.runs.systems import Board, Run, System


def load_boards(paths: Iterable[Path]) -> tuple[list[Board], list[str]]:
    """Every run at or below `paths`, by task, and a line for each run that was left out.

    Raises DataError if no run has finished, if a run is found twice, or if a record lacks what a
    comparison needs.
    """
    runs, left_out = [], []
    for folder in find_runs(paths):
        record = read_record(folder)
        if record.kind == "floor":
            continue  # found again beside the runs
        if record.status == "running":
            left_out.append(f"{folder}: not finished; the command in its record resumes it")
        else:
            recorded_texts(folder, record)  # refuses other texts than those of the scores
            runs.append(Run(folder, record))
    if not runs:
        raise DataError("\n".join(["no finished run to compare", *left_out]))
    by_task: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_task[run.record.task].append(run)
    boards = [board_of(task, systems_of(by_task[task])) for task in sorted(by_task)]
    return [with_floors(board) for board in boards], left_out


def with_floors(board: Board) -> Board:
    """The board with the floors beside the first run that has some."""
    runs = (run for system in board.systems for run in system.runs)
    found = (floors_beside(run.folder, run.record) for run in runs)
    return replace(board, floors=tuple(next(filter(None, found), ())))


def systems_of(runs: Sequence[Run]) -> tuple[System, ...]:
    """Groups runs of one task that differ only in their seed; systems get distinct names.

    Raises DataError if a seed of a system is found twice, or if its seeds were computed by other
    plugin files or from other weights.
    """
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for method in dict.fromkeys(run.record.method for run in runs):
        same = [run for run in runs if run.record.method == method]
        for run, chosen in zip(same, chosen_by([one.record for one in same]), strict=True):
            groups[method, *map(str, chosen.values())].append(run)
    systems = []
    for (method, *_), members in groups.items():
        seeds = [run.record.seed for run in members]
        for seed in seeds:
            if seeds.count(seed) > 1:
                twice = [str(run.folder) for run in members if run.record.seed == seed]
                raise DataError(
                    f"{method}, seed {seed}, same settings: found in {' and '.join(twice)};"
                    " expected each run once. Give only one of them"
                )
        _check_origins(method, members)
        systems.append(System(method, tuple(sorted(members, key=lambda run: run.record.seed))))
    return tuple(sorted(_with_distinct_names(systems), key=_place))


def _check_origins(method: str, runs: Sequence[Run]) -> None:
    """Raises DataError if runs of one method and settings differ in what computed them."""
    for what, read in ORIGINS.items():
        known = [(run, value) for run in runs if (value := read(run.record)) is not None]
        for run, value in known[1:]:
            first, expected = known[0]
            if value != expected:
                raise DataError(
                    f"{method}, same settings: runs differ in {what}\n"
                    f"  found     {value} in {run.folder}\n"
                    f"  expected  {expected}, as in {first.folder}: training seeds of one system\n"
                    "  mend      compare them apart, or run the older one again"
                )


def _plugins(record: Record) -> str | None:
    """The files of a run's plugins with the beginnings of their digests; None if not recorded."""
    if record.kind != "run" or record.inputs is None:
        return None
    files = sorted(record.inputs.plugins.items())
    return ", ".join(f"{name} {sha256[:12]}" for name, sha256 in files) or "no plugin"


def _reasoner(record: Record) -> str | None:
    reasoner = record.backbone.reasoner
    return reasoner and reasoner.fingerprint


ORIGINS: Mapping[str, Callable[[Record], str | None]] = {
    "the files of plugins (inputs.plugins)": _plugins,
    "the backbone's weights (backbone.fingerprint)": lambda record: record.backbone.fingerprint,
    "the reasoner's weights (backbone.reasoner.fingerprint)": _reasoner,
}
"""What must be the same in all seeds of a system although no setting has it. None: not recorded,
as in older records, and compatible with everything."""


def _with_distinct_names(systems: list[System]) -> list[System]:
    """Append to each name the settings in which systems of one method differ.

    A method's own options also where they differ from its defaults alone.

    If several settings differ, the system with the usual value in all of them keeps the bare name,
    and the others show only their unusual values. Usual: the method's default, or else the most
    common value. Of a setting that may be off (null, else false), off is not named, unless the
    method's default is another.
    """
    named = []
    for method in dict.fromkeys(system.name for system in systems):
        same_method = [system for system in systems if system.name == method]
        # 1. The settings that differ, and their usual values.
        chosen = chosen_by([system.record for system in same_method])
        differing = telling(method, chosen)
        short, plain = _short_keys(differing), usual(method, differing, chosen)
        # 2. May one system keep the bare name?
        bare = len(differing) > 1 and any(
            all(own[key] == plain[key] for key in differing) for own in chosen
        )
        # 3. Append what distinguishes each.
        off = {key: None if None in [one[key] for one in chosen] else False for key in differing}
        for system, own in zip(same_method, chosen, strict=True):
            unusual = [key for key in differing if own[key] != plain[key]]
            shown = (
                unusual
                if bare
                else [
                    key
                    for key in differing
                    if own[key] is not off[key] or (key in unusual and key.startswith(OPTION))
                ]
            )
            settings = ", ".join(f"{short[key]}={own[key]}" for key in shown)
            name = f"{system.name} ({settings})" if settings else system.name
            named.append(replace(system, name=name))
    return named


def _short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Key → its last part; the whole key if two keys share a last part."""
    ends = {key: key.rpartition(".")[2] for key in keys}
    count = Counter(ends.values())
    return {key: end if count[end] == 1 else key for key, end in ends.items()}


def _place(system: System) -> tuple[int, str]:
    """The six methods in their usual order, then plugins by name."""
    method = system.record.method
    return (METHODS.index(method) if method in METHODS else len(METHODS), system.name)


def board_of(task: str, systems: tuple[System, ...]) -> Board:
    """The board of these systems. Raises DataError if an example has no user, or two."""
    users: dict[str, str] = {}
    for system in systems:
        for run in system.runs:
            for key, values in run.record.examples.items():
                if values.user is None:
                    raise DataError(
                        f"{run.folder}: example {key} has no user; expected one in every example."
                        " An older harness wrote this record: run its command with --fresh"
                    )
                if users.setdefault(key, values.user) != values.user:
                    raise DataError(
                        f"{run.folder}: example {key} is of user {values.user}, elsewhere of"
                        f" {users[key]}; expected the same data. Compare these runs separately"
                    )
    return Board(task, systems, tuple(users), users)
