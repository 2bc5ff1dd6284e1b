"""Warnings about the runs, and what is needed to run them again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields

from harness.errors import counted
from harness.record import Counts, Record
from harness.reports.render.section import Part, listed
from harness.reports.render.table import Column, Table
from harness.reports.runs.comparable import setting_differences
from harness.reports.runs.system_costs import machine, times_not_comparable
from harness.reports.runs.systems import Board
from harness.reports.sections.system_columns import METHOD
from harness.statistics import METHOD_SEEDS, VERDICT_USERS

ALARMS: Mapping[str, Callable[[Counts], int]] = {
    "examples with a failed text, scored as empty": lambda n: n.failed,
    "examples with an empty text": lambda n: n.empty,
    "examples with a text that reached the cap on new tokens": lambda n: n.capped,
    "prompts cut to their budget": lambda n: n.input_cut,
    "training targets cut": lambda n: n.target_cut,
    "profiles that BM25 cannot rank because all scores are equal": lambda n: n.tied,
}


MOST_NAMED = 4
"""A warning names at most this many systems or runs one by one; the tables have all."""


def warnings(boards: Sequence[Board], left_out: Sequence[str]) -> list[str]:
    """One line per warning, the most serious first."""
    found = list(left_out)
    for board in boards:
        found += [f"{board.task}: {line}" for line in _warnings(board)]
    dirty = [
        f"{record.method} ({record.run_id})"
        for board in boards
        for record in board.records
        if record.code.clean is False
    ]
    if dirty:
        more = f" and {len(dirty) - MOST_NAMED} more" if len(dirty) > MOST_NAMED else ""
        names = ", ".join(dirty[:MOST_NAMED])
        found.append(
            f"uncommitted changes in the code of {counted(len(dirty), 'run')}: {names}{more}"
        )
    return found


def _warnings(board: Board) -> list[str]:
    """What to know of the runs of one task."""
    # 1. Allowed differences, and counts of failures and cuts.
    found = [f"allowed to differ: {difference}" for difference in board.allowed] + [*board.notes]
    several = any(len(one.runs) > 1 for one in board.systems)
    of_all = counted(len(board.ids), "example")
    of_all = f" (of {of_all}{' a seed; the seed with most' if several else ''})"
    for what, count in ALARMS.items():
        most = {one.name: max(count(record.n) for record in one.records) for one in board.systems}
        found += _counts(board, what, most, "" if what.startswith("training") else of_all)
    for view in dict.fromkeys(name for run in board.records for name in run.shared_targets):
        what = f"{view}: targets in other users' profiles, so that these users were passed over"
        most = {
            one.name: max(record.shared_targets.get(view, 0) for record in one.records)
            for one in board.systems
        }
        found += _counts(board, what, most, of_all)
    trained = {
        one.name: max(len(record.data.in_train.get("test", ())) for record in one.records)
        for one in board.systems
    }
    found += _counts(board, "test targets that are training targets too", trained, of_all)
    # 2. Unequal numbers of examples and seeds.
    unequal = {
        "test examples": {one.name: one.record.n.planned for one in board.systems},
        "training examples": {
            one.name: one.record.training.examples for one in board.systems if one.record.training
        },
        "training seeds": {one.name: len(one.runs) for one in board.systems},
    }
    for what, by_name in unequal.items():
        if len(set(by_name.values())) > 1:
            found.append(f"unequal {what}: {_each(board, by_name)}")
    # 3. What verdicts and times cannot say.
    if board.user_count < VERDICT_USERS:
        one = board.user_count == 1
        what = (
            "no intervals and no verdicts; verdicts" if one else "intervals but no verdicts, which"
        )
        found.append(f"{counted(board.user_count, 'user')}: {what} need {VERDICT_USERS} users")
    few = [system.name for system in board.systems if not system.about_method]
    if few:
        which = _short_list(board, few)
        found.append(
            f"fewer than {METHOD_SEEDS} training seeds describe checkpoints, not methods: {which}"
        )
    return [*found, *filter(None, [times_not_comparable(board)])]


def _counts(board: Board, what: str, most: Mapping[str, int], of: str) -> Iterator[str]:
    """A line with the systems whose count is above 0; none if there is no such system."""
    by_name = {name: number for name, number in most.items() if number}
    if by_name:
        yield f"{what}: {_range(board, by_name)}{of}"


def _range(board: Board, by_name: Mapping[str, int]) -> str:
    """Each system's count; from least to most if there are many."""
    if len(by_name) <= MOST_NAMED:
        return ", ".join(f"{name} {count}" for name, count in by_name.items())
    low, high = min(by_name.values()), max(by_name.values())
    return f"{low if low == high else f'{low} to {high}'} in {_short_list(board, [*by_name])}"


def _each(board: Board, by_name: Mapping[str, int]) -> str:
    """Each system's count; if there are many, the systems with each count."""
    if len(by_name) <= MOST_NAMED:
        return _range(board, by_name)
    return "; ".join(
        f"{count} for {_short_list(board, [one for one in by_name if by_name[one] == count])}"
        for count in sorted(set(by_name.values()), reverse=True)
    )


def _short_list(board: Board, names: Sequence[str]) -> str:
    """Names of systems, or "all", or "all but sft" if that is shorter."""
    others = [system.name for system in board.systems if system.name not in names]
    if len(names) == 1 or len(others) >= len(names):
        return listed(list(names))
    return f"all but {listed(others)}" if others else "all"


def provenance_part(board: Board) -> Part:
    """Settings that differ, and each run's commit, data, machine, packages and command."""
    chosen = [
        (one.what, value, listed(list(names)))
        for one in setting_differences(board.systems)
        for value, names in one.values.items()
    ]
    runs = [(system.name, record) for system in board.systems for record in system.records]
    counts = [(name, record.seed, *asdict(record.n).values()) for name, record in runs]
    numbers = ("seed", *(field.name.replace("_", " ") for field in fields(Counts)))
    provenance = [(name, *(read(record) for read in RUN.values())) for name, record in runs]
    tables = (
        Table(f"settings_{board.task}", f"What differs, {board.task}",
              (Column("setting"), Column("value"), Column("methods")), tuple(chosen)),
        Table(f"counts_{board.task}", f"Counts, {board.task}",
              (METHOD, *(Column(one, "", "number", 0) for one in numbers)), tuple(counts),
              folded=True),
        Table(f"runs_{board.task}", f"Runs, {board.task}", (METHOD, *map(Column, RUN)),
              tuple(provenance), folded=True),
    )  # fmt: skip
    return Part(tables=tuple(table for table in tables if table.rows))


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


def _packages(record: Record) -> str:
    return ", ".join(f"{name} {version}" for name, version in record.packages.items())


RUN: Mapping[str, Callable[[Record], str | None]] = {
    "run": lambda record: record.run_id,
    "commit": _commit,
    "data": _data,
    "backbone": _backbone,
    "machine": machine,
    "packages": _packages,
    "started": lambda record: record.started,
    "command": lambda record: record.command,
}
"""Head of a column → what it says of a run."""
