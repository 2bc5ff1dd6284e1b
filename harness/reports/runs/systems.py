"""Systems: a method with its settings, one run per training seed; boards: the systems of a task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.errors import counted
from harness.record import (
    Record,
)
from harness.record.token_file import TokenValues, read_tokens
from harness.reports.runs.choices import OPTION
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
    def unit(self) -> str:
        """What one of `ids` is called: a text, or an example where each has several texts."""
        return "example" if any(record.samples > 1 for record in self.records) else "text"

    @property
    def size(self) -> str:
        """What its numbers are over: `120 texts of 100 users`."""
        return f"{counted(len(self.ids), self.unit)} of {counted(self.user_count, 'user')}"

    @property
    def counted(self) -> str:
        """What intervals are over: `100 users (120 texts) and 1–3 training seeds`."""
        return counted_over([self])

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


def counted_over(boards: Sequence[Board]) -> str:
    """What intervals are over, from least to most where boards differ: `28–30 users (…) …`."""
    seeds = [len(system.runs) for board in boards for system in board.systems]
    users = _span([board.user_count for board in boards], "user")
    texts = _span([len(board.ids) for board in boards], boards[0].unit)
    over = f" and {_span(seeds, 'training seed')}" if max(seeds) > 1 else ", one training seed"
    checkpoints = any(board.about == "checkpoints" for board in boards)
    return f"{users} ({texts}){over}{'; about checkpoints' if checkpoints else ''}"


def _span(numbers: Sequence[int], noun: str) -> str:
    """`3 seeds`, or `1–3 seeds`."""
    low, high = min(numbers), max(numbers)
    return counted(low, noun) if low == high else f"{low}–{counted(high, noun)}"


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


def having(board: Board, has: Callable[[Record], object]) -> Board:
    """The board reduced to the runs for which `has` is true; systems without one are left out."""
    kept = [
        replace(system, runs=tuple(run for run in system.runs if has(run.record)))
        for system in board.systems
    ]
    return replace(board, systems=tuple(system for system in kept if system.runs))


def reduced(board: Board, ids: Collection[str]) -> Board:
    """The board with these examples and their users alone, in its own order."""
    kept = tuple(key for key in board.ids if key in ids)
    return replace(board, ids=kept, users={key: board.users[key] for key in kept})


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
