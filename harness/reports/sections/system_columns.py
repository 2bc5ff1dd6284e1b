"""Tables with a row for each system: columns are pairs of a head and a function of the system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.record import Estimate, Record
from harness.record.estimates import Number
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import Measure, Rows
from harness.reports.compared.pooled import NOTHING, Pooled, interval_words, over_seeds
from harness.reports.render.section import listed
from harness.reports.render.table import Cell, Column, Table, Value
from harness.reports.runs.system_costs import (
    Cost,
    mean_cost,
    text_s,
    times_not_comparable,
    training_s,
)
from harness.reports.runs.systems import Board, System, lacking

SystemColumn = tuple[Column, Callable[[System], Value]]
Found = TypeVar("Found", bound=Cell)
P_HOLM = Column("p (Holm)", kind="p")
METHOD = Column("method")
SEEDS: SystemColumn = (Column("training seeds", "", "number", 0), lambda system: len(system.runs))


def of_systems(table: Table, systems: Iterable[System], columns: Sequence[SystemColumn]) -> Table:
    """The table with a row for each system: its name, then these columns."""
    heads = (METHOD, *(column for column, _ in columns))
    rows = tuple((system.name, *(read(system) for _, read in columns)) for system in systems)
    return replace(table, columns=heads, rows=rows)


def measure_column(measure: Measure, wide: bool = False) -> Column:
    """The head of a measure's values."""
    return Column(measure.title, measure.unit, "number", measure.digits, measure.better, wide)


def gap_column(measure: Measure, reference: str) -> Column:
    """The head of a measure's differences from a reference."""
    return Column(f"minus {reference}", "", "difference", measure.digits)


def values(contrasts: Contrasts, wide: bool = False) -> SystemColumn:
    """The values of a measure, with intervals and significance letters."""
    return measure_column(contrasts.measure, wide), lambda one: value_cell(contrasts, one.name)


def value_cell(contrasts: Contrasts, name: str) -> Cell:
    """A system's value with interval and significance letters."""
    return with_verdict(contrasts, name, Cell.of(contrasts.values[name]))


def with_verdict(contrasts: Contrasts | None, name: str, cell: Found) -> Found:
    """A system's cell with its letters, highlighted as the best only if it beats another system.

    contrasts: in what the cell shows; None if systems were not compared in it.
    """
    if contrasts is None:
        return replace(cell, certain=False)
    certain = any(contrasts.outcome(name, other) == "better" for other in contrasts.order)
    return replace(cell, letters=(contrasts.letters or {}).get(name, ""), certain=certain)


def pairs_title(board: Board) -> str:
    """The title of the table of all pairs on all metrics."""
    return f"All pairs, {board.task}"


def untested_note(found: Iterable[Contrasts], pairs: str) -> list[str]:
    """A note that letters cover tested pairs only; [] if every pair with letters was tested.

    pairs: the title of the table that has the pairs and says why.
    """
    names = [
        one.measure.title
        for one in found
        if any(
            one.outcome(*pair) == "untested" and set(pair) <= (one.letters or {}).keys()
            for pair in one.pairs
        )
    ]
    if not names:
        return []
    return [
        f"Some pairs were not tested on {listed(names)} (“{pairs}” says why): sharing a"
        " letter says nothing of them."
    ]


def floor_rows(board: Board, names: Iterable[str]) -> list[tuple[Value, ...]]:
    """A row for each floor: its name, then its value of each of these metrics."""
    measures = list(names)
    return [
        (floor.method, *(recorded(floor.metrics.get(name)) for name in measures))
        for floor in board.floors
    ]


def recorded(number: Number | None, digits: int | None = None) -> Cell | None:
    """A number with its interval as a cell."""
    return None if number is None else Cell.of(number, digits)


def gap_cells(
    contrasts: Contrasts, first: str, second: str | None
) -> tuple[Cell | None, float | None]:
    """The difference first − second, and its Holm-corrected p; None if they were not compared."""
    one = contrasts.between(first, second) if second else None
    return (Cell(one.difference, one.low, one.high), one.p_holm) if one else (None, None)


def mean(column: Column, cost: Cost) -> SystemColumn:
    """The mean of a cost over training seeds."""
    return column, lambda system: mean_cost(system, cost)


def pooled(
    board: Board,
    system: System,
    read: Callable[[Record], Estimate | None],
    rows: Rows | None = None,
) -> Pooled:
    """A number of a system over its seeds; null if one of them lacks it.

    board: the system's.
    system: whose records are read.
    read: the number in a record; None if it lacks it.
    rows: the examples' values behind it; None if records do not hold them.
    """
    found = [read(record) or NOTHING for record in system.records]
    return over_seeds(board, system, found, rows)


def pooled_column(
    board: Board,
    column: Column,
    read: Callable[[Record], Estimate | None],
    rows: Rows | None = None,
) -> SystemColumn:
    """A column of `pooled` numbers."""
    return column, lambda system: pooled(board, system, read, rows)


def over(board: Board, part: Board, rows: Iterable[Sequence[Value]]) -> str:
    """What the intervals in these rows are over, and what `part` of the board leaves out."""
    words = interval_words(value for row in rows for value in row)
    return f"over {words}{lacking(board, part, '; ')}"


def time_columns(board: Board, wide: bool = False) -> list[SystemColumn]:
    """Training time and time per text; empty if machines differ."""
    columns = (Column("training", kind="seconds", wide=wide), training_s), (
        Column("time per text", kind="seconds", wide=wide), text_s
    )  # fmt: skip
    if times_not_comparable(board):
        return [(column, lambda system: None) for column, _ in columns]
    return [mean(*each) for each in columns]
