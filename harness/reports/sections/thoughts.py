"""Thought replacement: the same weights with other thoughts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.record import Controls, Difference, Estimate, Thoughts
from harness.reports.compared.measures import NLL, brief
from harness.reports.compared.pooled import NOTHING, Pooled, null_words, spanned
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part, listed
from harness.reports.render.table import Column, Table, Value
from harness.reports.runs.systems import Board, System, having
from harness.reports.sections.system_columns import P_HOLM, measure_column

OWN = "own"


def thoughts_part(compared: Compared) -> Part:
    """A table for each system with thought replacement."""
    part = having(compared.board, lambda record: record.controls)
    tables = (_table(compared, system) for system in part.systems)
    return Part(tables=tuple(tables))


def _table(compared: Compared, system: System) -> Table:
    """One row per replacement, with its differences from the model's own thoughts."""
    # 1. The replacements that every seed's record has, and the measures to show.
    found = [record.controls for record in system.records if record.controls]
    kept = [
        thought
        for thought in found[0].thoughts
        if all(thought in one.thoughts and not one.thoughts[thought].missing for one in found)
    ]
    shown = dict.fromkeys(
        name
        for one in found
        for thought in kept
        for name, value in _values(one.thoughts[thought]).items()
        if value
    )
    measures = brief((name for name in shown if name != NLL.name), compared.main_name)
    if NLL.name in shown:
        measures.insert(0, replace(NLL, title="NLL"))
    # 2. For each measure its value, the difference from the model's own thoughts, and p.
    columns, rows = [Column("thoughts")], [list[Value]([thought]) for thought in kept]
    for one in measures:
        minus = Column(f"{one.title} minus own", "", "difference", one.digits)
        columns += [measure_column(replace(one, unit="")), minus, P_HOLM]
        cells = _cells(system, [of.thoughts for of in found], kept, one.name)
        for row, more in zip(rows, cells, strict=True):
            row += more
    name = f"controls_{system.name.replace(' ', '_')}_{compared.board.task}"
    title = f"Thought replacement in {system.name}, {compared.board.task}"
    notes = _notes(compared.board, system, found, null_words(cell for row in rows for cell in row))
    return Table(name, title, tuple(columns), tuple(map(tuple, rows)), notes)


def _values(one: Thoughts) -> Mapping[str, Estimate | None]:
    """Measure → its value with these thoughts."""
    return {**one.metrics, NLL.name: one.likelihood}


def _minus_own(one: Thoughts) -> Mapping[str, Difference | None]:
    """Measure → its difference from the model's own thoughts."""
    own = one.minus_own
    return {**own.metrics, NLL.name: own.likelihood} if own else {}


def _cells(
    system: System, seeds: Sequence[Mapping[str, Thoughts]], kept: Sequence[str], name: str
) -> list[list[Value]]:
    """For each of the thoughts `kept` the value, its difference from own, and p; seeds pooled.

    The largest p of the seeds is conservative: it asks for a difference in every seed, not only in
    their mean; where the differences have opposite signs, it is 1. A value is certain if it differs
    significantly in every seed, to the same side, and the model's own if any other does.
    """
    rows: dict[str, list[Value]] = {}
    certain = set()
    for thought in kept:
        here = [one[thought] for one in seeds]
        minus = [own for each in here if (own := _minus_own(each).get(name))]
        value: Value = spanned(system, [_values(each).get(name) or NOTHING for each in here])
        rows[thought] = [value, None, None]
        if minus and len(minus) == len(here):
            rows[thought] = [value, spanned(system, minus), _largest_p(minus)]
            if {one.verdict for one in minus} in ({"higher"}, {"lower"}):
                certain |= {thought, OWN}
    return [
        [replace(value, certain=thought in certain), *rest]
        for thought, (value, *rest) in rows.items()
        if isinstance(value, Pooled)
    ]


def _largest_p(seeds: Sequence[Difference]) -> float | None:
    """The largest p of the seeds, 1 where differences have opposite signs; None if one has none."""
    known = [one.p_holm for one in seeds if one.p_holm is not None]
    if len(known) < len(seeds):
        return None
    values = [one.value or 0.0 for one in seeds]
    return 1.0 if min(values) < 0 < max(values) else max(known)


def _notes(board: Board, system: System, found: Sequence[Controls], null: str) -> tuple[str, ...]:
    """The family, how to read signs, seeds that lack the view, and how seeds were pooled.

    null: seeds that lack a number of it, in words.
    """
    notes = [
        f"Holm over the {found[0].family} differences of a run. Where lower is better (↓, NLL), a"
        " difference above 0 says that the model is worse without its own thoughts; elsewhere, one"
        " below 0. The best value is underlined if it differs significantly from the model's own."
    ]
    every = next(one for one in board.systems if one.name == system.name)
    if len(system.runs) < len(every.runs):
        one = len(system.runs) == 1
        notes.append(
            f"Of the training seeds {listed(list(map(str, every.seeds)))}, only"
            f" {listed(list(map(str, system.seeds)))} {'was' if one else 'were'} evaluated: the"
            f" numbers describe {'that checkpoint' if one else 'those checkpoints'}."
        )
    if len(found) > 1:
        notes.append(
            f"Means over {len(found)} training seeds{null}. These records hold no values by"
            " example, so seeds are not resampled: an interval spans the lowest to the highest end"
            " of the seeds' intervals over users, and p is the largest of the seeds', 1 where their"
            " signs differ."
        )
    return tuple(notes)
