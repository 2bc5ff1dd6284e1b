"""Every metric of every system with intervals and significance letters; all paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.metrics.coverage import unseen_words
from harness.reports.compared.contrasts import Contrasts
from harness.reports.render.document import Section
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.paper import MARK, METRIC, SOURCE, reported
from harness.reports.runs.systems import Board
from harness.reports.sections.columns import METHOD, P_HOLM, measure_column, value_cell
from harness.reports.sections.headline import Results


def scores_section(boards: Sequence[Board], results: Results, main: str) -> Section:
    """For each task, a table of values and a folded table of pairs."""
    tables: list[Table] = []
    for board in boards:
        of_measures = results[board.task]
        tables.append(_values(board, of_measures))
        if len(board.systems) > 1:
            first = sorted(of_measures.values(), key=lambda one: one.measure.name != main)
            tables.append(pairs_table(f"pairs_{board.task}", f"All pairs, {board.task}", first))
    text = (
        "Value [95 % interval over users, and over training seeds if there are several]."
        " Superscripts are significance letters: methods that share a letter do not differ"
        " significantly. A difference is significant if Holm's p of the paired approximate"
        " randomisation test is below 0.05 and the difference's interval excludes 0. Holm's"
        f" correction covers all pairs and tasks on the main measure ({main}); and, within a task,"
        " all pairs on all other measures.",
    )
    return Section("scores", "Scores by task and metric", text, tuple(tables))


def _values(board: Board, of_measures: Mapping[str, Contrasts]) -> Table:
    rows: list[tuple[Value, ...]] = [
        (system.name, *(value_cell(one, system.name) for one in of_measures.values()))
        for system in board.systems
    ]
    faint, notes = set(), []
    paper = reported(board) if METRIC in of_measures else {}
    for method, value in paper.items():
        faint.add(len(rows))
        rows.append(
            (f"{method} ({MARK})", *(value if name == METRIC else None for name in of_measures))
        )
    if paper:
        notes.append(f"Grey rows: {SOURCE}; {MARK}.")
    missing = _missing(board)
    if missing:
        notes.append("Not shown because some runs lack it: " + "; ".join(missing) + ".")
    notes += _unseen(board)
    users = len(set(board.users.values()))
    notes.append(f"n = {len(board.ids)} texts of {users} users. ↓: lower is better.")
    columns = (METHOD, *(measure_column(one.measure) for one in of_measures.values()))
    return Table(f"scores_{board.task}", f"Scores, {board.task}", columns, tuple(rows),
                 tuple(notes), faint=frozenset(faint))  # fmt: skip


def _missing(board: Board) -> list[str]:
    """Metrics without a value in some run, with the remedy from its record."""
    remedies: dict[str, str] = {}
    for system in board.systems:
        for record in system.records:
            for name, score in record.metrics.items():
                if score.value is None:
                    remedies.setdefault(name, f"{name} ({score.missing})")
    return list(remedies.values())


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
    )
    notes = ("Smallest detectable: the true difference that this test would find in 80 % of"
             " experiments of this size.",)  # fmt: skip
    return Table(file, title, columns, tuple(rows), notes, folded=True)


def _verdict(contrasts: Contrasts, first: str, second: str) -> str:
    """Which system is better, "not significant", or why there is no verdict."""
    one = contrasts.pairs[first, second]
    if one.verdict in ("higher", "lower"):
        better = contrasts.measure.favours_first(one.difference or 0.0)
        return f"{first if better else second} better"
    return one.reason or ("not significant" if one.verdict else "–")
