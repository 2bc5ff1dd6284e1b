"""Records on disk → systems (a method with its settings, one run per training seed) → boards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.errors import DataError, counted
from harness.record import (
    PREDICTIONS,
    Record,
    find_runs,
    read_predictions,
    read_record,
    texts_digest,
)
from harness.record.token_file import TokenValues, read_tokens
from harness.registry import METHODS
from harness.reports.runs.choices import OPTION, chosen_by, usual
from harness.reports.runs.recorded_floors import floors_beside
from harness.settings.flat import flat
from harness.statistics import METHOD_SEEDS, About, Panel


@dataclass(frozen=True)
class Run:
    """One finished run and its folder."""

    folder: Path
    record: Record

    @cached_property
    def tokens(self) -> TokenValues | None:
        """Its `tokens.parquet`, read once; None without one. Raises DataError if it changed."""
        return read_tokens(self.folder, self.record)


@dataclass(frozen=True)
class System:
    """One method with one choice of settings on one task; its runs in order of seed.

    name: the method's, followed by the settings that distinguish it if the method appears twice.
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
    def trained(self) -> bool:
        """Whether seeds may have an effect: without training none, of foreign texts unknown."""
        return self.record.training is not None or self.record.kind == "scored"

    @property
    def about_method(self) -> bool:
        """Whether its numbers describe the method, not only the checkpoints at hand."""
        return not self.trained or len(self.runs) >= METHOD_SEEDS

    @property
    def seeds(self) -> list[int]:
        return [run.record.seed for run in self.runs]


@dataclass(frozen=True)
class Board:
    """The systems on one task.

    ids: examples that any system has.
    users: id → user.
    allowed: differences that the user allowed although they should not exist.
    notes: what is left out of its records, and why.
    floors: records of the floors of these examples.
    """

    task: str
    systems: tuple[System, ...]
    ids: tuple[str, ...]
    users: Mapping[str, str]
    allowed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    floors: tuple[Record, ...] = ()

    @property
    def records(self) -> list[Record]:
        return [record for system in self.systems for record in system.records]

    @property
    def user_count(self) -> int:
        return len(set(self.users.values()))

    @property
    def counted(self) -> str:
        """What intervals are over: `100 users (120 texts) and 1–3 training seeds`."""
        seeds = sorted({len(system.runs) for system in self.systems})
        many = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
        over = f" and {many} training seeds" if seeds[-1] > 1 else ", one training seed"
        about = "; about checkpoints" if self.about == "checkpoints" else ""
        return f"{counted(self.user_count, 'user')} ({counted(len(self.ids), 'text')}){over}{about}"

    @property
    def about(self) -> About:
        """What verdicts on the board are about: methods, if every trained one has enough seeds."""
        return "methods" if all(one.about_method for one in self.systems) else "checkpoints"

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the test split; it seeds all resampling."""
        return self.systems[0].record.data.test.fingerprint

    @property
    def panel(self) -> Panel:
        """The users of the board's examples."""
        return Panel(tuple(self.users[key] for key in self.ids), self.fingerprint)


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
            _check_texts(folder, record)
            runs.append(Run(folder, record))
    if not runs:
        raise DataError("\n".join(["no finished run to compare", *left_out]))
    by_task: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_task[run.record.task].append(run)
    boards = [board_of(task, systems_of(by_task[task])) for task in sorted(by_task)]
    return [with_floors(board) for board in boards], left_out


def reference_of(board: Board) -> System:
    """The system that the others are compared with: sft if present, else the first."""
    named = [one for one in board.systems if one.name == "sft"]
    of_method = [one for one in board.systems if one.record.method == "sft"]
    return [*named, *of_method, board.systems[0]][0]


def variants(board: Board) -> frozenset[str]:
    """Names of systems with other settings than a method that is on the board as it is.

    They are controls and choices (another backbone, equal FLOPs, frozen reasoner), not methods. As
    it is: the system named by the method alone, else the one with the fewest options of its own.
    Without such a one, none of the method's systems is a variant.
    """
    found: set[str] = set()
    by_method: dict[str, list[System]] = {}
    for system in board.systems:
        by_method.setdefault(system.record.method, []).append(system)
    for method, systems in by_method.items():
        own = [
            -1
            if system.name == method
            else sum(key.startswith(OPTION) for key, _ in flat(system.record.settings))
            for system in systems
        ]
        if own.count(min(own)) == 1:
            base = systems[own.index(min(own))].name
            found |= {system.name for system in systems} - {base}
    return frozenset(found)


def with_floors(board: Board) -> Board:
    """The board with the floors beside the first run that has some."""
    runs = (run for system in board.systems for run in system.runs)
    found = (floors_beside(run.folder, run.record) for run in runs)
    return replace(board, floors=tuple(next(filter(None, found), ())))


def _check_texts(folder: Path, record: Record) -> None:
    """Raises DataError if the texts beside a record are not those that it was computed from."""
    if record.texts is None or not (folder / PREDICTIONS).is_file():
        return
    found = texts_digest(read_predictions(folder))
    if found != record.texts:
        raise DataError(
            f"{folder / PREDICTIONS}: other texts than the record's\n"
            f"  found     sha256 {found[:12]}\n"
            f"  expected  {record.texts[:12]}, of the texts that the scores were computed from\n"
            "  mend      restore the file, or run the record's command with --fresh"
        )


def systems_of(runs: Sequence[Run]) -> tuple[System, ...]:
    """Groups runs of one task that differ only in their seed; systems get distinct names.

    Raises DataError if a seed of a system is found twice.
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
        systems.append(System(method, tuple(sorted(members, key=lambda run: run.record.seed))))
    return tuple(sorted(_with_distinct_names(systems), key=_place))


def having(board: Board, has: Callable[[Record], object]) -> Board:
    """The board reduced to the runs for which `has` is true; systems without one are left out."""
    kept = [
        replace(system, runs=tuple(run for run in system.runs if has(run.record)))
        for system in board.systems
    ]
    return replace(board, systems=tuple(system for system in kept if system.runs))


def lacking(board: Board, part: Board, before: str = "") -> str:
    """A note on what `part` of a board leaves out, after `before`; "" if it leaves out nothing."""
    kept = {system.name: system.seeds for system in part.systems}
    fewer: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for system in board.systems:
        if system.name in kept and kept[system.name] != system.seeds:
            fewer[tuple(kept[system.name])].append(system.name)
    parts = [
        f"evaluated for seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))} only:"
        f" {', '.join(names)}"
        for seeds, names in fewer.items()
    ]
    absent = [system.name for system in board.systems if system.name not in kept]
    parts += [f"not evaluated: {', '.join(absent)}"] if absent else []
    return before + "; ".join(parts) if parts else ""


def _with_distinct_names(systems: list[System]) -> list[System]:
    """Append to each name the settings in which systems of one method differ.

    If several settings differ, the system with the usual value in all of them keeps the bare name,
    and the others show only their unusual values. Usual: the method's default, or else the most
    common value.
    """
    named = []
    for method in dict.fromkeys(system.name for system in systems):
        same_method = [system for system in systems if system.name == method]
        # 1. The settings that differ, and their usual values.
        chosen = chosen_by([system.record for system in same_method])
        differing = [key for key in chosen[0] if len({str(one[key]) for one in chosen}) > 1]
        short, plain = _short_keys(differing), usual(method, differing, chosen)
        # 2. May one system keep the bare name?
        bare = len(differing) > 1 and any(
            all(own[key] == plain[key] for key in differing) for own in chosen
        )
        # 3. Append what distinguishes each.
        for system, own in zip(same_method, chosen, strict=True):
            shown = [key for key in differing if own[key] != plain[key]] if bare else differing
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
