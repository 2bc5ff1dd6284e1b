"""Records on disk → systems (a method with its settings, one run a training seed) → boards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DataError
from harness.record import Record, find_runs, read_record
from harness.registry import METHODS
from harness.reports.runs.choices import chosen_by, usual
from harness.statistics import Panel


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
        """The first seed's record: settings and data are those of every seed."""
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
        return self.systems[0].record.data.test.fingerprint

    @property
    def panel(self) -> Panel:
        """The users of its examples."""
        return Panel(tuple(self.users[key] for key in self.ids), self.fingerprint)


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
                    " expected each run once. Give one of them"
                )
        systems.append(System(method, tuple(sorted(members, key=lambda run: run.record.seed))))
    return tuple(sorted(_named(systems), key=_place))


def having(board: Board, has: Callable[[Record], object]) -> Board:
    """The board of those runs that have something; systems without one are left out."""
    kept = [
        replace(system, runs=tuple(run for run in system.runs if has(run.record)))
        for system in board.systems
    ]
    return replace(board, systems=tuple(system for system in kept if system.runs))


def lacking(board: Board, part: Board, before: str = "") -> str:
    """Whom `part` of a board leaves out, `before` in front; "" where nobody."""
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
    return before + "; ".join(told) if told else ""


def _named(systems: list[System]) -> list[System]:
    """Systems of one method get the settings in which they differ behind their name.

    Where these are several, the system that is as usual in all of them keeps the bare name, and
    the others tell only what is not. Usual is a method's default, else what most of them have.
    """
    named = []
    for method in dict.fromkeys(system.name for system in systems):
        alike = [system for system in systems if system.name == method]
        chosen = chosen_by([system.record for system in alike])
        apart = [key for key in chosen[0] if len({str(one[key]) for one in chosen}) > 1]
        called, plain = _called(apart), usual(method, apart, chosen)
        bare = len(apart) > 1 and any(
            all(own[key] == plain[key] for key in apart) for own in chosen
        )
        for system, own in zip(alike, chosen, strict=True):
            shown = [key for key in apart if own[key] != plain[key]] if bare else apart
            told = ", ".join(f"{called[key]}={own[key]}" for key in shown)
            named.append(replace(system, name=f"{system.name} ({told})" if told else system.name))
    return named


def _called(keys: Sequence[str]) -> dict[str, str]:
    """Key → its last part; all of it where another one ends alike."""
    ends = {key: key.rpartition(".")[2] for key in keys}
    alike = Counter(ends.values())
    return {key: end if alike[end] == 1 else key for key, end in ends.items()}


def _place(system: System) -> tuple[int, str]:
    """The six methods in their usual order, then plugins by name."""
    method = system.record.method
    return (METHODS.index(method) if method in METHODS else len(METHODS), system.name)


def _board(task: str, systems: tuple[System, ...]) -> Board:
    users: dict[str, str] = {}
    for system in systems:
        for run in system.runs:
            for key, values in run.record.examples.items():
                if values.user is None:
                    raise DataError(
                        f"{run.folder}: example {key} has no user; expected a record that can be"
                        " compared. An older harness wrote it: run its command with --fresh"
                    )
                if users.setdefault(key, values.user) != values.user:
                    raise DataError(
                        f"{run.folder}: example {key} is of user {values.user}, elsewhere of"
                        f" {users[key]}; expected the same data. Compare these runs apart"
                    )
    return Board(task, systems, tuple(users), users)
