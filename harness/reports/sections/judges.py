"""What language models as judges said: win rates, scores of aspects, costs and failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from harness.record.judged import ASPECTS
from harness.reports.compared.judgements import Judgements, judgements_of
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import Board
from harness.reports.sections.system_columns import P_HOLM, recorded
from harness.reports.trial.marks import mark_note
from harness.reports.trial.words import MARK


def judges_part(board: Board) -> Part:
    """Tables of what is kept below the runs' folders; nothing where no judge was asked."""
    found = judgements_of(board)
    tables: tuple[Table, ...] = (
        _pairs(board, found), _aspects(board, found), _costs(board, found),
    )  # fmt: skip
    if any(record.samples > 1 for record in board.records):
        tables = tuple(replace(table, notes=(*table.notes, FIRST)) for table in tables)
    facts: Mapping[str, object] = {
        "judged": {name: [asdict(one) for one in getattr(found, name)] for name in KEPT}
    }
    return Part(
        tables=tuple(table for table in tables if table.rows),
        warnings=found.stale,
        facts=(facts,) if found.costs else (),
    )


FIRST = "These runs have several texts of each example; a judge reads the first sample alone."
KEPT = ("pairs", "runs", "costs")
"""Parts of the judgements in the JSON."""


def _pairs(board: Board, found: Judgements) -> Table:
    rows = tuple(
        (
            f"{one.first} against {one.second}",
            one.criterion,
            recorded(one.found.win_rate),
            recorded(one.found.at_equal_length),
            one.found.test.p_holm,
            one.decided,
            one.disagree,
            one.first_shown,
            one.judge,
        )
        for one in found.pairs
    )
    columns = (
        Column("pair"),
        Column("criterion"),
        Column("win rate of the first", "% [95 %]", "number", 1),
        Column("at equal length", "% [95 %]", "number", 1),
        P_HOLM,
        Column("texts", "", "number", 0),
        Column("orders disagree", "%", "number", 1),
        Column("first shown preferred", "%", "number", 1),
        Column("judge", kind="note"),
    )
    notes = (
        "Win rate: 50 is no preference; a tie is half a win. Each pair is shown in both orders and"
        " is a tie where the two verdicts disagree. Intervals and p are over users, for these"
        " checkpoints.",
        "At equal length: what a logistic regression on the difference of the lengths gives where"
        " it is 0, as in AlpacaEval 2 (Dubois et al. 2024).",
        "First shown preferred: 50 where the judge does not care about the order.",
    )
    return Table(f"judged_pairs_{board.task}", f"Pairs, {board.task}", columns, rows, notes)


def _aspects(board: Board, found: Judgements) -> Table:
    rows = tuple(
        (
            one.run,
            *(recorded(one.scores[name]) for name in ASPECTS),
            one.decided,
            f"{one.judge} {MARK}" if one.failed else one.judge,
        )
        for one in found.runs
    )
    failed = {each.title: mark_note(each) for one in found.runs for each in one.failed.values()}
    columns = (
        Column("run"),
        *(Column(name, "1–5", "number", 2) for name in ASPECTS),
        Column("texts", "", "number", 0),
        Column("judge", kind="note"),
    )
    notes = ("Coverage and accuracy are about content, the others about style.", *failed.values())
    return Table(f"judged_aspects_{board.task}", f"Aspects, {board.task}", columns, rows, notes)


def _costs(board: Board, found: Judgements) -> Table:
    rows = tuple(
        (
            one.about,
            one.ask,
            one.questions,
            _each(one.failures),
            one.requests,
            _each(one.retries),
            one.prompt_tokens,
            one.completion_tokens,
            one.seconds,
            one.evidence,
            one.judge,
        )
        for one in found.costs
    )
    columns = (
        Column("about"),
        Column("asked"),
        Column("questions", "", "number", 0),
        Column("without a verdict"),
        Column("requests", "", "number", 0),
        Column("repeated for"),
        Column("prompt tokens", "", "number", 0),
        Column("completion tokens", "", "number", 0),
        Column("time of requests", "", "seconds"),
        Column("evidence found in the text", "%", "number", 1),
        Column("judge", kind="note"),
    )
    title = f"Cost and failures of judges, {board.task}"
    notes = tuple(
        f"{one.about}, {one.ask}: the endpoint of {one.judge} counted the tokens of {one.counted}"
        f" of {one.replies} replies; the others are left out."
        for one in found.costs
        if one.counted < one.replies
    )
    return Table(f"judged_costs_{board.task}", title, columns, rows, notes)


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items()) or "none"
