"""Text quality: length, repetition, variety and copying, beside floors and references."""

from __future__ import annotations

from functools import partial

from harness.metrics.text_quality import TEXT_QUALITY
from harness.reports.compared.measures import mean_of
from harness.reports.compared.pooled import Pooled, interval_words
from harness.reports.compared.verdicts import Compared
from harness.reports.render.section import Part
from harness.reports.render.table import Column, Table
from harness.reports.runs.systems import Board, System, having, lacking
from harness.reports.sections.system_columns import SystemColumn, of_systems, pooled, recorded


def quality_part(compared: Compared) -> Part:
    """A table of every measure of text quality; nothing for records that have none."""
    board = compared.board
    part = having(board, lambda record: record.quality)
    if not part.systems:
        return Part()
    columns: list[SystemColumn] = [
        (Column(one.title, one.unit, "number", one.digits), partial(_pooled, board, one.name))
        for one in TEXT_QUALITY
    ]
    table = of_systems(Table(f"quality_{board.task}", f"Text quality, {board.task}"),
                       part.systems, columns)  # fmt: skip
    over = interval_words(value for row in table.rows for value in row)
    note = (
        f"Intervals: 95 % over {over}{lacking(board, part, '; ')}. No verdict is made about these:"
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


def _pooled(board: Board, name: str, system: System) -> Pooled:
    rows = mean_of(lambda values: values.quality.get(name))
    return pooled(board, system, lambda record: record.quality.get(name), rows)
