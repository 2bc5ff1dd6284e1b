"""Profile swap: the lift of the user's own profile, overall, by position, and compared."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.record import Estimate, Record, SliceEstimate, ends_of
from harness.reports.compared.measures import measure_of
from harness.reports.compared.parts import (
    LIFTS,
    LIKELIHOOD,
    NATS,
    TEXTS,
    LiftView,
    lift_measure,
)
from harness.reports.compared.pooled import Pooled
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part, Picture, listed
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import Board, System, having
from harness.reports.sections.metric_table import pairs_table
from harness.reports.sections.slice_curves import SliceView
from harness.reports.sections.system_columns import (
    SystemColumn,
    of_systems,
    over,
    pooled,
    untested_note,
    with_verdict,
)
from harness.reports.sections.verdict_sentences import lift_verdict


def lift_part(compared: Compared) -> Part:
    """Lift of the user's own profile on likelihood (by position) and on generated texts."""
    board, lifts = compared.board, compared.lifts
    title = f"Lift, all pairs, {board.task}"
    found = Part(tuple(lift_verdict(board, one) for one in lifts if len(one.order) > 1))
    found += Part(tuple(f"{board.task}: {note}" for note in untested_note(lifts, title)))
    likely, texts = having(board, LIKELIHOOD.of), having(board, TEXTS.of)
    if likely.systems:
        found += Part((), (_picture(board, likely),), (_likelihood_table(compared, likely),))
    if texts.systems:
        found += Part(tables=(_text_table(compared, texts),))
    if any(one.pairs for one in lifts):
        found += Part(tables=(pairs_table(f"lift_pairs_{board.task}", title, lifts),))
    return found


def _columns(compared: Compared, view: LiftView, name: str) -> list[SystemColumn]:
    """A column for each kind in `LIFTS`, of a slice or metric."""
    unit, digits = (NATS.partition(" ")[0], 3) if view is LIKELIHOOD else ("", 2)
    return [
        (
            Column(title, unit, "difference", digits, "higher"),
            partial(_cell, compared, view, kind, name),
        )
        for kind, title in LIFTS.items()
    ]


def _cell(compared: Compared, view: LiftView, kind: str, name: str, system: System) -> Pooled:
    """A system's lift, with its significance letters if systems were compared in it."""
    measure = lift_measure(view, kind, name)
    found = pooled(compared.board, system, partial(_recorded, view, kind, name), measure)
    same = next((one for one in compared.lifts if one.measure.name == measure.name), None)
    return with_verdict(same, system.name, found)


def _recorded(view: LiftView, kind: str, name: str, record: Record) -> Estimate | None:
    pair = view.of(record).get("random" if kind == "empty" else kind, {}).get(name)
    return pair and (pair.own_empty if kind == "empty" else pair.own_other)


def _likelihood_table(compared: Compared, part: Board) -> Table:
    board = compared.board
    table = Table(f"lift_{board.task}", f"Lift on likelihood, {board.task}")
    table = of_systems(table, part.systems, _columns(compared, LIKELIHOOD, "all"))
    donors = listed(
        [str(count) for count in sorted({r.lift.donors for r in part.records if r.lift})], "or"
    )
    users = "user" if donors == "1" else "users"
    note = (
        f"{donors} other {users} per text; nats per slice token, a gain is a lower NLL;"
        f" 95 % intervals {over(board, part, table.rows)}."
    )
    return replace(table, notes=(note,))


def _text_table(compared: Compared, part: Board) -> Table:
    board = compared.board
    pairs = [pair for record in part.records for pair in TEXTS.of(record)["random"].items()]
    names = list(dict.fromkeys(name for name, _ in pairs))
    missing = dict.fromkeys((name, pair.own_other.missing) for name, pair in pairs)
    tables = [
        of_systems(Table("", ""), part.systems, _columns(compared, TEXTS, name)) for name in names
    ]
    rows = tuple(row for table in tables for row in table.rows)
    return Table(
        f"lift_texts_{board.task}",
        f"Lift on generated texts, {board.task}",
        tables[0].columns,
        rows,
        (
            f"Points of each measure; 95 % intervals {over(board, part, rows)}.",
            *(f"{measure_of(name).title}: {why}." for name, why in missing if why),
        ),
        folded=len(rows) > 12,
        groups=tuple(measure_of(name).title for name in names for _ in part.systems),
        grouped_by="measure",
    )


def _picture(board: Board, part: Board) -> Picture:
    """Own − random other by position, for the runs that have it."""

    def slices(record: Record) -> list[SliceEstimate]:
        gains = LIKELIHOOD.of(record).get("random", {})
        return [
            SliceEstimate(slice=name, start=0, **ends_of(pair.own_other))
            for name, pair in gains.items()
            if name != "all"
        ]

    names = [one.slice for one in slices(part.systems[0].record)]
    view = SliceView(
        name="lift",
        title="lift by position: own − random other",
        unit=NATS,
        slices=slices,
        each=lambda index: lift_measure(LIKELIHOOD, "random", names[index]),
        reading="above 0, a user's profile makes the reference more likely than another user's",
        zero="no lift",
    )
    return view.picture(board, view.curves(board), "lift", f"n = {board.size}")
