"""Records on disk → systems (a method with its settings, one run a training seed) → boards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import DataError, HarnessError
from harness.record import Record, find_runs, read_record
from harness.registry import METHODS, find

NO_OPTION, UNKNOWN = "no such option", "default"
"""What is shown of a setting that a method does not have, and of one that nobody can tell."""
OPTION = "method."
"""How the keys of a method's own options begin."""


@dataclass(frozen=True)
class Run:
    """One finished run and where it lies."""

    folder: Path
    record: Record


@dataclass(frozen=True)
class System:
    """One method with one choice of settings on one task: its runs by rising seed.

    `name` is the method's, with what sets it apart where a method is there more than once.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def record(self) -> Record:
        """The first seed's record: settings, device and data are those of every seed."""
        return self.runs[0].record

    @property
    def records(self) -> list[Record]:
        return [run.record for run in self.runs]

    @property
    def seeds(self) -> list[int]:
        return [run.record.seed for run in self.runs]


@dataclass(frozen=True)
class Board:
    """The systems on one task. ids: examples that any system has; users: id → user.

    allowed: what differs between systems that should not; empty unless it was allowed.
    """

    task: str
    systems: tuple[System, ...]
    ids: tuple[str, ...]
    users: Mapping[str, str]
    allowed: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of the test split: what all resampling draws from."""
        return str(self.systems[0].record.data["splits"]["test"]["fingerprint"])

    @property
    def user_ids(self) -> list[str]:
        return [self.users[key] for key in self.ids]


def load_boards(paths: Iterable[Path]) -> tuple[list[Board], list[str]]:
    """Every run at or below `paths`, by task, and a line for each that had to be left out.

    Raises DataError where nothing finished is there, where a run stands there twice, or where a
    record lacks what comparing takes.
    """
    runs, left_out = [], []
    for folder in find_runs(paths):
        record = read_record(folder)
        if record.status == "running":
            left_out.append(f"{folder}: not finished; the command in its record goes on with it")
        else:
            runs.append(Run(folder, record))
    if not runs:
        raise DataError("\n".join(["no finished run to compare", *left_out]))
    by_task: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_task[run.record.task].append(run)
    boards = [_board(task, systems_of(by_task[task])) for task in sorted(by_task)]
    return boards, left_out


def systems_of(runs: Sequence[Run]) -> tuple[System, ...]:
    """Runs of one task that differ in their seed only form one system; names set them apart."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for method in dict.fromkeys(run.record.method for run in runs):
        same = [run for run in runs if run.record.method == method]
        for run, chosen in zip(same, chosen_by([one.record for one in same]), strict=True):
            groups[method, str(chosen)].append(run)
    systems = []
    for (method, _), members in groups.items():
        seeds = [run.record.seed for run in members]
        for seed in seeds:
            if seeds.count(seed) > 1:
                twice = [str(run.folder) for run in members if run.record.seed == seed]
                raise DataError(
                    f"{method}, seed {seed}, same settings: found in {' and '.join(twice)};"
                    " expected each run once. Give one of them"
                )
        systems.append(System(method, tuple(sorted(members, key=lambda run: run.record.seed))))
    return tuple(sorted(_named(systems), key=_place))


def choices(record: Record) -> dict[str, Any]:
    """What was chosen for a run, "section.key" → value: no seed, no `eval`.

    Nor where its data lay: what they hold is known by fingerprint, and has to be the same.
    """
    return {
        key: value
        for key, value in flat(record.settings)
        if key not in ("seed", "preset", "data.source") and not key.startswith("eval.")
    }


def chosen_by(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The choices of each record under the same keys, those that any of them has.

    An option of its method that a record leaves out has the method's default, as it is installed
    here: `NO_OPTION` where the method has no such option, `UNKNOWN` where it is not installed. A
    reasoner that was not named is the one that the record's backbone tells of.
    """
    given = [choices(record) for record in records]
    keys = sorted({key for one in given for key in one})
    defaults: dict[str, Mapping[str, Any] | None] = {}
    if any(key.startswith(OPTION) and key not in one for one in given for key in keys):
        defaults = {method: own_options(method) for method in {one.method for one in records}}

    def value(record: Record, own: Mapping[str, Any], key: str) -> Any:
        if key == "model.reasoner" and own.get(key) is None:
            return (record.backbone.get("reasoner") or {}).get("name")
        if key in own or not key.startswith(OPTION):
            return own.get(key, UNKNOWN)
        known = defaults[record.method]
        return UNKNOWN if known is None else known.get(key.removeprefix(OPTION), NO_OPTION)

    return [
        {key: value(record, own, key) for key in keys}
        for record, own in zip(records, given, strict=True)
    ]


def own_options(method: str) -> Mapping[str, Any] | None:
    """Defaults of a method's own options, as installed here; None for one that is not there."""
    try:
        options = getattr(find("method", method), "Options", None)
    except HarnessError:
        return None
    return None if options is None else dict(options.model_construct().model_dump(mode="json"))


def flat(settings: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    """("section.key", value) for every leaf of nested settings."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def having(board: Board, has: Callable[[Record], object]) -> Board:
    """The board of those runs that have something; systems without one are left out."""
    kept = [
        replace(system, runs=tuple(run for run in system.runs if has(run.record)))
        for system in board.systems
    ]
    return replace(board, systems=tuple(system for system in kept if system.runs))


def lacking(board: Board, part: Board) -> str:
    """Whom `part` of a board leaves out, as the end of a caption; "" where nobody."""
    kept = {system.name: system.seeds for system in part.systems}
    fewer: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for system in board.systems:
        if system.name in kept and kept[system.name] != system.seeds:
            fewer[tuple(kept[system.name])].append(system.name)
    told = [
        f"measured in seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} alone:"
        f" {', '.join(names)}"
        for seeds, names in fewer.items()
    ]
    absent = [system.name for system in board.systems if system.name not in kept]
    told += [f"not measured: {', '.join(absent)}"] if absent else []
    return "; ".join(told)


def _named(systems: list[System]) -> list[System]:
    """Systems of one method get the settings in which they differ behind their name.

    Where these are several, the system that is as usual in all of them keeps the bare name, and
    the others tell only what is not. Usual is a method's default, else what most of them have.
    """
    named = []
    for system in systems:
        alike = [other for other in systems if other.name == system.name]
        same = chosen_by([other.record for other in alike])
        apart = [key for key in same[0] if len({str(one[key]) for one in same}) > 1]
        own = same[alike.index(system)]
        usual = _usual(system.name, apart, same)
        if len(apart) > 1 and any(all(one[key] == usual[key] for key in apart) for one in same):
            apart = [key for key in apart if own[key] != usual[key]]
        told = ", ".join(f"{key.rpartition('.')[2]}={own[key]}" for key in apart)
        named.append(replace(system, name=f"{system.name} ({told})" if told else system.name))
    return named


def _usual(method: str, keys: Sequence[str], chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Key → the default of the method's option, else the value that most have."""
    known = own_options(method) if any(key.startswith(OPTION) for key in keys) else None
    usual = {}
    for key in keys:
        ((most, _),) = Counter(str(one[key]) for one in chosen).most_common(1)
        common = next(one[key] for one in chosen if str(one[key]) == most)
        option = key.removeprefix(OPTION) if key.startswith(OPTION) else ""
        usual[key] = (known or {}).get(option, common)
    return usual


def _place(system: System) -> tuple[int, str]:
    """The six methods in their usual order, then plugins by name."""
    method = system.record.method
    return (METHODS.index(method) if method in METHODS else len(METHODS), system.name)


def _board(task: str, systems: tuple[System, ...]) -> Board:
    users: dict[str, str] = {}
    for system in systems:
        for run in system.runs:
            for key, values in run.record.examples.items():
                if "user" not in values:
                    raise DataError(
                        f"{run.folder}: example {key} has no user; expected a record that can be"
                        " compared. An older harness wrote it: run its command with --fresh"
                    )
                if users.setdefault(key, values["user"]) != values["user"]:
                    raise DataError(
                        f"{run.folder}: example {key} is of user {values['user']}, elsewhere of"
                        f" {users[key]}; expected the same data. Compare these runs apart"
                    )
    return Board(task, systems, tuple(users), users)
