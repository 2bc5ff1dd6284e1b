"""Author identification: how often a text is nearest to its own author's profile."""

from __future__ import annotations

from harness.reports.compared.parts import RANKS
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import having
from harness.reports.sections.system_columns import of_systems, over, pooled_column

UNITS = {"top1": "top-1 %", "mrr": "MRR %"}


def authors_part(compared: Compared) -> Part:
    """A table of ranks, with the references and chance below."""
    board = compared.board
    part = having(board, lambda record: record.authors and record.authors.characters)
    example = next((record.authors for record in part.records), None)
    if example is None:
        return Part()
    columns = [
        pooled_column(
            board,
            Column(rank.features.replace("_", " "), UNITS[rank.score], "number", 1),
            rank.recorded,
            rank.rows,
        )
        for rank in RANKS
    ]
    title = f"Author identification, {board.task}"
    table = of_systems(Table(f"authors_{board.task}", title), part.systems, columns)
    others = "some" if example.others is None else example.others
    note = f"Among {others} others. Intervals: 95 % {over(board, part, table.rows)}."
    ranks = [rank.recorded(part.records[0]) for rank in RANKS]
    table = table.with_faint([
        ("references", *(one and one.ceiling for one in ranks)),
        ("chance", *(one and one.chance for one in ranks)),
    ])  # fmt: skip
    return Part(tables=(table.noted(note),))
