"""Author identification: how often a text is nearest to its own author's profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from harness.record import AuthorRank, Authors, ExampleAuthors, Record
from harness.reports.compared.measures import Rows, mean_of
from harness.reports.compared.pooled import interval_words
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import having, lacking
from harness.reports.sections.system_columns import of_systems, pooled
from harness.statistics import PERCENT_MEAN


@dataclass(frozen=True)
class Rank:
    """A score: its head in the table, in a record, and in an example."""

    features: str
    unit: str
    recorded: Callable[[Authors], AuthorRank | None]
    of_text: Callable[[ExampleAuthors], float]


RANKS = (
    Rank("characters", "top-1 %", lambda one: one.characters and one.characters.top1,
         lambda one: one.characters.top1),
    Rank("characters", "MRR %", lambda one: one.characters and one.characters.mrr,
         lambda one: one.characters.mrr),
    Rank("function words", "top-1 %", lambda one: one.function_words and one.function_words.top1,
         lambda one: one.function_words.top1),
    Rank("function words", "MRR %", lambda one: one.function_words and one.function_words.mrr,
         lambda one: one.function_words.mrr),
)  # fmt: skip


def authors_part(compared: Compared) -> Part:
    """A table of ranks, with the references and chance below."""
    board = compared.board
    part = having(board, lambda record: record.authors and record.authors.characters)
    example = next((record.authors for record in part.records), None)
    if example is None:
        return Part()
    columns = [
        (
            Column(rank.features, rank.unit, "number", 1),
            lambda system, rank=rank: pooled(board, system, partial(_recorded, rank), _rows(rank)),
        )
        for rank in RANKS
    ]
    title = f"Author identification, {board.task}"
    table = of_systems(Table(f"authors_{board.task}", title), part.systems, columns)
    others = "some" if example.others is None else example.others
    over = interval_words(value for row in table.rows for value in row)
    note = f"Among {others} others. Intervals: 95 % over {over}{lacking(board, part, '; ')}."
    ranks = [rank.recorded(example) for rank in RANKS]
    table = table.with_faint([
        ("references", *(one and one.ceiling for one in ranks)),
        ("chance", *(one and one.chance for one in ranks)),
    ])  # fmt: skip
    return Part(tables=(replace(table, notes=(note,)),))


def _recorded(rank: Rank, record: Record) -> AuthorRank | None:
    return record.authors and rank.recorded(record.authors)


def _rows(rank: Rank) -> Rows:
    return mean_of(lambda values: values.authors and rank.of_text(values.authors), PERCENT_MEAN)
