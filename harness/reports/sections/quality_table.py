"""Text quality: length, repetition, variety and copying, beside floors and references."""

from __future__ import annotations

from harness.metrics.base import Metric
from harness.metrics.text_quality import TEXT_QUALITY
from harness.reports.compared.parts import quality_of
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import Board, having
from harness.reports.sections.system_columns import (
    SystemColumn,
    of_systems,
    over,
    pooled_column,
    recorded,
)


def quality_part(compared: Compared) -> Part:
    """A table of every measure of text quality; nothing for records that have none."""
    board = compared.board
    part = having(board, lambda record: record.quality)
    if not part.systems:
        return Part()
    columns = [_column(board, one) for one in TEXT_QUALITY]
    table = of_systems(Table(f"quality_{board.task}", f"Text quality, {board.task}"),
                       part.systems, columns)  # fmt: skip
    note = (
        f"Intervals: 95 % {over(board, part, table.rows)}. No verdict is made about these:"
        " close to the references is good."
    )
    known = part.records[0].quality
    references = tuple(
        known[one.name].references if one.name in known else None for one in TEXT_QUALITY
    )
    rows = [
        (floor.method, *(recorded(floor.quality.get(one.name)) for one in TEXT_QUALITY))
        for floor in board.floors
    ]
    table = table.with_faint([*rows, ("references", *references)])
    return Part(tables=(table.noted(note),))


def _column(board: Board, measure: type[Metric]) -> SystemColumn:
    name, head = measure.name, Column(measure.title, measure.unit, "number", measure.digits)
    rows = quality_of(name) if measure.mean else None
    return pooled_column(board, head, lambda record: record.quality.get(name), rows)
