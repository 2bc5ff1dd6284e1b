"""Warnings about the runs, and what is needed to run them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

from harness.record import Counts, Record
from harness.reports.render.document import Section, listed
from harness.reports.render.table import Column, Table
from harness.reports.runs.comparable import setting_differences
from harness.reports.runs.systems import Board
from harness.reports.sections.columns import METHOD
from harness.reports.sections.cost_tables import times_not_comparable
from harness.statistics import VERDICT_USERS

ALARMS: Mapping[str, Callable[[Counts], int]] = {
    "failed examples, scored as empty": lambda n: n.failed,
    "empty texts": lambda n: n.empty,
    "texts that reached the cap on new tokens": lambda n: n.capped,
    "prompts cut to their budget": lambda n: n.input_cut,
    "training targets cut": lambda n: n.target_cut,
    "profiles that BM25 cannot rank because all scores are equal": lambda n: n.tied,
}


MOST_COUNTED = 4
"""A warning lists at most this many systems with their counts; the tables of counts have all."""


def warnings(boards: Sequence[Board], left_out: Sequence[str]) -> list[str]:
    """One line per warning, the most serious first."""
    found = list(left_out)
    for board in boards:
        found += [f"{board.task}: allowed to differ: {difference}" for difference in board.allowed]
        found += _counted(board)
        found += _unequal(board)
        users = len(set(board.users.values()))
        if users < VERDICT_USERS:
            found.append(
                f"{board.task}: {users} users: intervals but no verdicts, which need"
                f" {VERDICT_USERS} users"
            )
        single = [system.name for system in board.systems if len(system.runs) == 1]
        if single:
            which = _short_list(board, single)
            found.append(
                f"{board.task}: one training seed describes this checkpoint, not the method:"
                f" {which}"
            )
        caveat = times_not_comparable(board)
        if caveat:
            found.append(f"{board.task}: {caveat}")
    dirty = [
        f"{run.record.method} ({run.record.run_id})"
        for board in boards
        for system in board.systems
        for run in system.runs
        if run.record.code.clean is False
    ]
    if dirty:
        found.append(f"uncommitted changes in the code of {len(dirty)} runs: {_first_few(dirty)}")
    return found


def _counted(board: Board) -> list[str]:
    """Which systems have how many cut inputs, capped outputs and failures."""
    lines = []
    for what, count in ALARMS.items():
        most = {
            system.name: max(count(record.n) for record in system.records)
            for system in board.systems
        }
        found = {name: number for name, number in most.items() if number}
        of = "" if what.startswith("training") else f" (of {len(board.ids)} texts)"
        if len(found) > MOST_COUNTED:
            low, high = min(found.values()), max(found.values())
            counted = f"{low}" if low == high else f"{low} to {high}"
            lines.append(
                f"{board.task}: {what}: {counted} in {_short_list(board, list(found))}{of}"
            )
        elif found:
            counted_words = ", ".join(f"{name} {number}" for name, number in found.items())
            lines.append(f"{board.task}: {what}: {counted_words}{of}")
    return lines


def _short_list(board: Board, names: Sequence[str]) -> str:
    """Names of systems, or "all", or "all but sft" if that is shorter."""
    others = [system.name for system in board.systems if system.name not in names]
    if len(names) == 1 or len(others) >= len(names):
        return listed(list(names))
    return f"all but {listed(others)}" if others else "all"


def _unequal(board: Board) -> list[str]:
    """Unequal numbers of test texts, training examples or seeds."""
    lines = []
    counts = {
        "test texts": {system.name: system.record.n.planned for system in board.systems},
        "training examples": {
            system.name: system.record.training.examples
            for system in board.systems
            if system.record.training
        },
        "training seeds": {system.name: len(system.runs) for system in board.systems},
    }
    for what, by_system in counts.items():
        if len(set(by_system.values())) > 1:
            counted_words = ", ".join(f"{name} {count}" for name, count in by_system.items())
            if len(by_system) > MOST_COUNTED:
                grouped: dict[int, list[str]] = {}
                for name, count in by_system.items():
                    grouped.setdefault(count, []).append(name)
                counted_words = "; ".join(
                    f"{count} for {_short_list(board, grouped[count])}"
                    for count in sorted(grouped, reverse=True)
                )
            lines.append(f"{board.task}: unequal {what}: {counted_words}")
    return lines


def provenance_section(boards: Sequence[Board]) -> Section:
    """Settings that differ, and each run's commit, data, machine, packages and command."""
    tables = []
    for board in boards:
        tables += [_chosen(board), _counts(board), _runs(board)]
    text = (
        "Methods may differ in their settings, backbone and seed. Test data, data setting, cap on"
        " new tokens, sampling and metrics are the same for all (checked by fingerprints and"
        " signatures).",
    )
    return Section("provenance", "Settings and provenance", text,
                   tuple(table for table in tables if table.rows))  # fmt: skip


def _chosen(board: Board) -> Table:
    rows = [
        (one.what, value, listed(list(names)))
        for one in setting_differences(board.systems)
        for value, names in one.values.items()
    ]
    columns = (Column("setting"), Column("value"), Column("methods"))
    return Table(f"settings_{board.task}", f"What differs, {board.task}", columns, tuple(rows))


def _counts(board: Board) -> Table:
    names = [field.name for field in fields(Counts)]
    rows = [
        (system.name, record.seed, *asdict(record.n).values())
        for system in board.systems
        for record in system.records
    ]
    numbers = [Column(name.replace("_", " "), "", "number", 0) for name in ["seed", *names]]
    return Table(f"counts_{board.task}", f"Counts, {board.task}", (METHOD, *numbers), tuple(rows),
                 folded=True)  # fmt: skip


def _runs(board: Board) -> Table:
    rows = [
        (system.name, record.run_id, _commit(record), _data(record), _backbone(record),
         _machine(record), _packages(record), record.started, record.command)
        for system in board.systems
        for record in system.records
    ]  # fmt: skip
    titles = ("run", "commit", "data", "backbone", "machine", "packages", "started", "command")
    return Table(f"runs_{board.task}", f"Runs, {board.task}", (METHOD, *map(Column, titles)),
                 tuple(rows), folded=True)  # fmt: skip


def _commit(record: Record) -> str:
    code = record.code
    commit = (code.commit or "unknown")[:12]
    return f"{code.version} {commit}{'' if code.clean else ' with changes'}"


def _data(record: Record) -> str:
    data = record.data
    revision = data.revision or ""
    return f"{data.source} {revision} ({data.setting}), test {data.test.fingerprint[:12]}"


def _backbone(record: Record) -> str:
    found = record.backbone
    parts = [str(found.name), *filter(None, (found.revision, found.quantization))]
    if found.reasoner:
        parts.append(f"reasoner {found.reasoner.name}")
    if found.method_parameters:
        parts.append(f"{found.method_parameters:,} parameters")
    return ", ".join(parts)


def _machine(record: Record) -> str:
    machine = record.device
    what = machine.accelerator or machine.processor
    return f"{machine.device}, {what}, {machine.dtype}, threads {machine.threads}"


def _packages(record: Record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.packages.items())


def _first_few(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
