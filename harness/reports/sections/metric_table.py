"""Every metric of every system with intervals and letters, and all pairs with their tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.metrics.letters import unseen_words
from harness.reports.compared.contrasts import Contrasts
from harness.reports.render.document import Section
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.paper import MARK, METRIC, SOURCE, reported
from harness.reports.runs.systems import Board
from harness.reports.sections.columns import METHOD, P_HOLM, measure_column, value_cell
from harness.reports.sections.headline import Found


def scores_section(boards: Sequence[Board], found: Found, main: str) -> Section:
    """A table of values and a folded table of pairs for each task."""
    tables: list[Table] = []
    for board in boards:
        measured = found[board.task]
        tables.append(_values(board, measured))
        if len(board.systems) > 1:
            first = sorted(measured.values(), key=lambda one: one.measure.name != main)
            tables.append(pairs_table(f"pairs_{board.task}", f"All pairs, {board.task}", first))
    text = (
        "Value [95 % interval over users; over training seeds too where there are several]."
        " Methods that share a letter in a column were not shown to differ in it: a verdict needs"
        " a paired approximate-randomisation test with Holm's p under 0.05 and an interval of the"
        f" difference without 0. Families: all pairs and tasks of the main measure ({main})"
        " together; within a task, all pairs of all other measures together.",
    )
    return Section("scores", "Scores by task and metric", text, tuple(tables))


def _values(board: Board, measured: Mapping[str, Contrasts]) -> Table:
    rows: list[tuple[Value, ...]] = [
        (system.name, *(value_cell(one, system.name) for one in measured.values()))
        for system in board.systems
    ]
    faint, notes = set(), []
    paper = reported(board) if METRIC in measured else {}
    for method, value in paper.items():
        faint.add(len(rows))
        rows.append(
            (f"{method} ({MARK})", *(value if name == METRIC else None for name in measured))
        )
    if paper:
        notes.append(f"Grey rows: {SOURCE}; {MARK}.")
    missing = _missing(board)
    if missing:
        notes.append("Not shown, for not every run has it: " + "; ".join(missing) + ".")
    notes += _unseen(board)
    users = len(set(board.users.values()))
    notes.append(f"n = {len(board.ids)} texts of {users} users. ↓: lower is better.")
    columns = (METHOD, *(measure_column(one.measure) for one in measured.values()))
    return Table(f"scores_{board.task}", f"Scores, {board.task}", columns, tuple(rows),
                 tuple(notes), faint=frozenset(faint))  # fmt: skip


def _missing(board: Board) -> list[str]:
    """Metrics without a value in some run, with the remedy that the record gives."""
    told: dict[str, str] = {}
    for system in board.systems:
        for record in system.records:
            for name, score in record.metrics.items():
                if score.value is None:
                    told.setdefault(name, f"{name} ({score.missing})")
    return list(told.values())


def _unseen(board: Board) -> list[str]:
    """What metrics do not see of the references, a sentence a share."""
    told: dict[str, list[str]] = {}
    for name, score in board.systems[0].record.metrics.items():
        if score.value is not None and score.unseen:
            told.setdefault(unseen_words(score.unseen), []).append(name)
    return [f"By {', '.join(names)}: {share}." for share, names in told.items()]


def pairs_table(file: str, title: str, measured: Sequence[Contrasts]) -> Table:
    """Every pair of systems on these measures with its test; folded."""
    rows = [
        (
            contrasts.measure.title,
            f"{first} − {second}",
            Cell(one.difference, one.low, one.high, digits=contrasts.measure.digits),
            one.p_value,
            one.p_holm,
            _verdict(contrasts, first, second),
            Cell(one.smallest_detectable, digits=contrasts.measure.digits),
        )
        for contrasts in measured
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
    )
    notes = ("Smallest detectable: the true difference that this test would show in 80 % of"
             " experiments of this size.",)  # fmt: skip
    return Table(file, title, columns, tuple(rows), notes, folded=True)


def _verdict(contrasts: Contrasts, first: str, second: str) -> str:
    """Who is better, "not shown", or why nothing can be said."""
    one = contrasts.pairs[first, second]
    if one.verdict in ("higher", "lower"):
        better = contrasts.measure.favours_first(one.difference or 0.0)
        return f"{first if better else second} better"
    return one.reason or one.verdict or "–"
