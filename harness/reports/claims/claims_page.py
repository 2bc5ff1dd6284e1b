"""Answers as a table, as sentences and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.claims import CostClaim, Paper, ValueClaim, papers
from harness.reports.claims import parts
from harness.reports.claims.answers import Answer, answers
from harness.reports.compared.measures import main_measure, measures_of
from harness.reports.compared.recorded import refuse_edited
from harness.reports.compared.verdicts import Compared
from harness.reports.render.numbers import estimate
from harness.reports.render.section import Document, Part, listed, section
from harness.reports.render.table import Column, Table
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.reports.runs.systems import Board
from harness.reports.sections.settings_and_runs import provenance_part, warnings

COLUMNS = (
    Column("claim"),
    Column("here"),
    Column("numbers"),
    Column("would decide", wide=True),
    Column("in the paper", kind="note", wide=True),
)


def claims_part(compared: Compared) -> Part:
    """What the records of one board say about the claims of every paper whose method it has."""
    methods = {system.record.method for system in compared.board.systems}
    found = [
        (paper, [one for one in answers(paper, compared.board, compared.main.measure) if one.tried])
        for paper in papers().values()
        if any(one.method in methods for one in paper.claims[0].first)
    ]
    tables = tuple(claims_table(paper, each, compared.board) for paper, each in found if each)
    facts = [fact for paper, each in found for fact in claim_facts(paper, each)]
    return Part(tables=tables, facts=({"claims": facts},))


def claims_document(paths: Sequence[Path], paper: Paper, metric: str | None = None) -> Document:
    """Every claim of a paper, answered from all runs at or below `paths`, task by task.

    metric: the measure that the claims are about where they do not name one; by default the runs'
    first. Raises HarnessError if the runs are not comparable.
    """
    loaded, left_out = load_boards(paths)
    boards = [checked(board, False) for board in loaded]
    refuse_edited(boards)
    found = [
        (board, answers(paper, board, main_measure(measures_of(board), metric, [board])))
        for board in boards
    ]
    tables = tuple(claims_table(paper, each, board) for board, each in found)
    sentences = tuple(sentence(one) for _, each in found for one in each)
    return Document(
        f"What {paper.name} claims",
        f"arXiv {paper.arxiv}; shown there on {paper.benchmark}",
        (
            section("claims", [Part(sentences, tables=tables)]),
            section("provenance", [provenance_part(board) for board in boards]),
        ),
        tuple(warnings(boards, left_out)),
        facts(paper, [one for _, each in found for one in each]),
    )


def facts(paper: Paper, found: Sequence[Answer]) -> dict[str, object]:
    """The JSON document: each claim with its verdict and numbers."""
    return {"paper": paper.name, "arxiv": paper.arxiv, "claims": claim_facts(paper, found)}


def claim_facts(paper: Paper, found: Sequence[Answer]) -> list[dict[str, object]]:
    """Each claim with its verdict and numbers."""
    return [
        {
            "paper": paper.name,
            "statement": one.claim.statement,
            "where": one.claim.where,
            "task": one.task,
            "verdict": one.verdict,
            "measure": one.title,
            "unit": one.unit,
            "lower_is_better": one.turned,
            "why": one.why,
            "parts": [asdict(part) for part in one.parts],
        }
        for one in found
    ]


def sentence(answer: Answer) -> str:
    """`HOLDS here: λ = 0 equals SFT. flythinker (lam=0) − sft 0.00 [0.00, 0.00] (the same …)`"""
    needed = _needed(answer)
    decide = f" Would decide: {needed}." if needed else ""
    return f"{answer.verdict} here: {answer.claim.statement}. {_found(answer)}.{decide}"


def claims_table(paper: Paper, found: Sequence[Answer], board: Board) -> Table:
    rows = tuple(
        (one.claim.statement, one.verdict, _found(one), _needed(one), one.claim.where)
        for one in found
    )
    notes = (
        f"The paper's benchmark is {paper.benchmark}; these answers are about this one. A verdict"
        " is about methods: it needs three training seeds of each trained method and twenty users."
        " Holm's correction covers all differences of the table.",
    )
    title = f"Claims of {paper.name} (arXiv {paper.arxiv}), {board.task}"
    return Table(f"claims_{paper.name.lower()}_{board.task}", title, COLUMNS, rows, notes)


def _found(answer: Answer) -> str:
    """The numbers; after them, or in their place, what an open claim lacks."""
    parts = [_number(answer, part) for part in answer.parts]
    lacks = [answer.why] if answer.why and answer.verdict == "CANNOT TELL" else []
    return "; ".join([*parts, *lacks])


def _number(answer: Answer, part: parts.Part) -> str:
    of_costs = isinstance(answer.claim, CostClaim)
    words = [(" ÷ " if of_costs else " − ").join(part.names)]
    notes = [part.why] if part.why else []
    if part.value is not None:
        words.append(estimate(part, answer.digits, not of_costs))
        notes = ["lower is better"] * answer.turned + notes
    return " ".join(words) + (f" ({'; '.join(notes)})" if notes else "")


def _needed(answer: Answer) -> str:
    """What would decide the open parts: the largest sample that one of them needs."""
    undecided = [part for part in answer.parts if part.verdict == "CANNOT TELL"]
    open_parts = [part for part in undecided if part.value is not None]
    if not open_parts or isinstance(answer.claim, (CostClaim, ValueClaim)):
        return ""
    known = [part.needed for part in open_parts if part.needed]
    few = [part.why for part in open_parts if part.why]
    if few:
        return listed(list(dict.fromkeys(few)))
    if len(known) < len(open_parts):
        return "no practical number of users and seeds, at this difference"
    users = max(one.users for one in known)
    seeds = [one.seeds for one in known if one.seeds is not None]
    of_seeds = f" and {max(seeds)} training seeds of each" if seeds else ""
    return f"{users} users{of_seeds}, at this difference"
