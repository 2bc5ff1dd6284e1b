"""Every metric of every system with intervals and significance letters; all paired tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.metrics.coverage import unseen_words
from harness.metrics.style import NEAR, OTHER_AUTHORS
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import not_compared
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part, listed
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.recorded_floors import NO_FLOORS, meaning
from harness.reports.runs.reported import of_paper, reported
from harness.reports.runs.systems import Board
from harness.reports.sections.system_columns import (
    P_HOLM,
    floor_rows,
    of_systems,
    pairs_title,
    recorded,
    untested_note,
    values,
)
from harness.reports.trial.marks import mark_note
from harness.reports.trial.words import MARK

WON = "⚑"
"""Marks a metric under which a floor scores as well as the methods."""


def scores_part(compared: Compared) -> Part:
    """A table of values and a folded table of pairs."""
    board, contrasts = compared.board, compared.contrasts.values()
    table = _values(compared)
    if len(board.systems) < 2:
        return Part(tables=(table,))
    first = sorted(contrasts, key=lambda one: one is not compared.main)
    pairs = pairs_table(f"pairs_{board.task}", pairs_title(board), first)
    return Part(tables=(table, pairs))


def _values(compared: Compared) -> Table:
    board, contrasts = compared.board, compared.contrasts
    known = of_paper()
    rows = reported(board, known.metric) if known.metric in contrasts else []
    notes = [f"Grey rows: {known.source}; {known.mark}."] if rows else []
    notes += floor_notes(compared)
    notes += untested_note(contrasts.values(), pairs_title(board))
    missing = [f"{name} ({why})" for name, why in not_compared(board).items()]
    if missing:
        notes.append(f"Not shown: {'; '.join(missing)}.")
    notes += _unseen(board)
    notes.append(f"n = {board.size}. ↓: lower is better.")
    table = Table(f"scores_{board.task}", f"Scores, {board.task}", notes=tuple(notes))
    found = of_systems(table, board.systems, [values(one) for one in contrasts.values()])
    found = found.with_faint(floor_rows(board, contrasts)).with_faint(
        author_rows(board, list(contrasts))
    )
    found = found.with_faint(
        (label, *(value if name == known.metric else None for name in contrasts))
        for label, value in rows
    )
    return mark_metrics(found, compared)


def author_rows(board: Board, names: Sequence[str]) -> list[tuple[Value, ...]]:
    """Real texts as ceiling and floors of metrics that compare a text with its author's others."""
    ends = board.systems[0].record.breakdowns
    known = [one if one and OTHER_AUTHORS in one.groups else None for one in map(ends.get, names)]
    if not any(known):
        return []
    return [
        ("real texts of the authors", *(one and one.ceiling for one in known)),
        ("real texts of other authors", *(one and one.floor for one in known)),
        (
            "the same, authors nearest in topic",
            *(one and one.groups[OTHER_AUTHORS][NEAR].value for one in known),
        ),
    ]


def mark_metrics(table: Table, compared: Compared) -> Table:
    """The table with marks in the heads of metrics that a floor wins, or that failed a trial."""
    won = {compared.contrasts[name].measure.title for name in compared.won_by_floors}
    failed = {one.title: one for one in compared.failed_trials.values()}
    heads, notes = [], []
    for column in table.columns:
        signs = [WON] * (column.title in won)
        if column.title in failed:
            signs.append(MARK)
            notes.append(mark_note(failed[column.title]))
        heads.append(replace(column, title=" ".join((column.title, *signs))))
    return replace(table, columns=tuple(heads)).noted(*notes)


def floor_notes(compared: Compared) -> list[str]:
    """What the floors are, and under which metrics one of them wins."""
    board = compared.board
    if not board.floors:
        return [f"No floors are recorded beside these runs: {NO_FLOORS}."]
    meanings = "; ".join(f"{one.method}: {meaning(one)}" for one in board.floors)
    won: dict[str, list[str]] = {}
    for name, floor in compared.won_by_floors.items():
        won.setdefault(floor.method, []).append(compared.contrasts[name].measure.title)
    return [f"Floors, made from the data without a model: {meanings}."] + [
        f"{WON} {floor} scores at least as well as every method on {listed(names)}: there a better"
        " value does not show better or more personal texts."
        for floor, names in won.items()
    ]


def _unseen(board: Board) -> list[str]:
    """How much of the references metrics do not see, one sentence per share."""
    names_by_share: dict[str, list[str]] = {}
    for name, score in board.systems[0].record.metrics.items():
        if score.value is not None and score.unseen:
            names_by_share.setdefault(unseen_words(score.unseen), []).append(name)
    return [f"By {', '.join(names)}: {share}." for share, names in names_by_share.items()]


def pairs_table(file: str, title: str, of_measures: Sequence[Contrasts]) -> Table:
    """A folded table: every pair of systems on these measures, with its test."""
    rows = [
        (
            contrasts.measure.title,
            f"{first} − {second}",
            Cell(one.difference, one.low, one.high, digits=contrasts.measure.digits),
            one.p_value,
            one.p_holm,
            _verdict(contrasts, first, second),
            Cell(one.smallest_detectable, digits=contrasts.measure.digits),
            recorded(one.at_equal_length, contrasts.measure.digits),
            one.about,
        )
        for contrasts in of_measures
        for (first, second), one in contrasts.pairs.items()
    ]
    columns = (
        Column("measure"),
        Column("pair"),
        Column("difference [95 %]", kind="difference"),
        Column("p", kind="p"),
        P_HOLM,
        Column("verdict"),
        Column("smallest detectable", kind="number"),
        Column("at equal length [95 %]", kind="difference"),
        Column("about"),
    )
    notes = (
        "Smallest detectable: the true difference that this comparison, corrected for all of its"
        " family, would show in 80 % of experiments of this size.",
        "At equal length: what remains of the difference (of the examples' mean values) where both"
        " texts are equally long, by regression on the log ratio of their lengths.",
        "About methods: every trained side has three training seeds or more, which the interval and"
        " p include. About checkpoints: it has not, and another seed may give another verdict.",
    )
    return Table(file, title, columns, tuple(rows), notes, folded=True)


def _verdict(contrasts: Contrasts, first: str, second: str) -> str:
    """Which system is better, "not significant", or why there is no verdict."""
    outcome, one = contrasts.outcome(first, second), contrasts.pairs[first, second]
    if outcome in ("better", "worse"):
        return f"{first if outcome == 'better' else second} better"
    return one.reason or ("not significant" if one.verdict else "–")
