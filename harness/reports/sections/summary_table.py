"""The summary: value, difference, NLL and costs of every system in every task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.reports.compared.measures import NLL
from harness.reports.compared.pooled import over_words, seeds_in
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import listed
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.reported import reported
from harness.reports.runs.system_costs import (
    peak_mib,
    times_not_comparable,
)
from harness.reports.runs.systems import reference_of
from harness.reports.sections.system_columns import (
    P_HOLM,
    SEEDS,
    SystemColumn,
    floor_rows,
    gap_cells,
    gap_column,
    mean,
    of_systems,
    pairs_title,
    time_columns,
    untested_note,
    value_cell,
    values,
)
from harness.reports.trial.marks import mark_note
from harness.reports.trial.words import MARK
from harness.statistics.families import ALPHA


def summary_table(compared: Sequence[Compared]) -> Table:
    """Value, difference from the reference, NLL and costs of every system in every task."""
    # 1. Rows, task by task.
    rows, groups, faint = list[tuple[Value, ...]](), list[str](), set[int]()
    for one in compared:
        table = of_systems(Table("", ""), one.board.systems, _columns(one))
        blanks = [None] * (len(table.columns) - 2)
        table = table.with_faint(
            (label, value, *blanks) for label, value in reported(one.board, one.main_name)
        )
        floors = floor_rows(one.board, [one.main_name])
        table = table.with_faint((*row, *blanks) for row in floors)
        faint |= {len(rows) + index for index in table.faint}
        rows += table.rows
        groups += [one.board.task] * len(table.rows)
    # 2. The table's head: the measure, and the reference if all tasks have the same.
    measure = compared[0].main.measure
    references = {one.board.task: reference_of(one.board).name for one in compared}
    columns = list(of_systems(Table("", ""), (), _columns(compared[0])).columns)
    same = len(set(references.values())) == 1
    if not same:
        columns[2] = gap_column(measure, "reference")
    failed = [
        (one.board.task, one.failed_trials[one.main_name])
        for one in compared
        if one.main_name in one.failed_trials
    ]
    if failed:
        columns[1] = replace(columns[1], title=f"{columns[1].title} {MARK}")
    # 3. Notes: what the intervals are over, and what does not compare.
    over = over_words({kind for one in compared for kind in _kinds(one)})
    notes = [
        f"{measure.title}: {measure.direction}; value"
        f" {f'[95 % interval over {over}]' if over else 'without an interval'}. Superscripts are"
        f" significance letters: within a task, {_about(compared)} that share a letter do not"
        " differ significantly. The best value is underlined if it is significantly better than"
        " another. ↓: lower is better.",
        "p: approximate randomisation over users, and with three training seeds or more the"
        " estimate over users and seeds; Holm-corrected over all pairs and tasks on this measure."
        f" A difference counts as significant only if p is below {ALPHA:g} and its interval"
        " excludes 0; one of the two alone is no verdict.",
    ]
    if not same:
        notes.append(f"reference: {', '.join(f'{n} on {task}' for task, n in references.items())}.")
    for one in compared:
        shown = [each for name, each in one.contrasts.items() if name in (one.main_name, NLL.name)]
        notes += [
            f"{one.board.task}: {note}" for note in untested_note(shown, pairs_title(one.board))
        ]
    notes += [f"{task}: {mark_note(one)}" for task, one in failed]
    notes += [
        f"{one.board.task}: {caveat}." for one in compared
        if (caveat := times_not_comparable(one.board))
    ]  # fmt: skip
    return Table("summary", "In one table", tuple(columns), tuple(rows), tuple(notes),
                 faint=frozenset(faint), groups=tuple(groups))  # fmt: skip


def _kinds(compared: Compared) -> set[str | None]:
    """How seeds enter the intervals of the values, keys of `WORDS`; empty without an interval."""
    values = compared.main.values
    return {
        seeds_in(system, values[system.name].about)
        for system in compared.board.systems
        if values[system.name].low is not None
    }


def _about(compared: Sequence[Compared]) -> str:
    """What the tests behind the letters are about: methods, checkpoints, or some of each."""
    tests = {pair.about for one in compared for pair in one.main.pairs.values()}
    tests = tests or {one.board.about for one in compared}
    return listed(sorted(tests, reverse=True), "or")


def _columns(compared: Compared) -> list[SystemColumn]:
    main, nll = compared.main, compared.contrasts.get(NLL.name)
    reference = reference_of(compared.board).name
    return [
        values(main),
        (gap_column(main.measure, reference), lambda one: gap_cells(main, one.name, reference)[0]),
        (P_HOLM, lambda one: gap_cells(main, one.name, reference)[1]),
        (
            Column("NLL", NLL.unit, "number", NLL.digits, NLL.better),
            lambda one: value_cell(nll, one.name) if nll else None,
        ),
        *time_columns(compared.board),
        mean(Column("peak MiB", "", "number", 0), peak_mib),
        SEEDS,
    ]
