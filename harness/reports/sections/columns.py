"""Columns and cells that many sections share."""

from __future__ import annotations

from harness.record import HasInterval
from harness.reports.compared.contrasts import Contrasts
from harness.reports.compared.measures import Measure
from harness.reports.compared.seeds import Pooled
from harness.reports.render.table import Cell, Column
from harness.statistics import Interval

P_HOLM = Column("p (Holm)", kind="p")
METHOD = Column("method")


def measure_column(measure: Measure, wide: bool = False) -> Column:
    """The column of a measure's values."""
    return Column(measure.title, measure.unit, "number", measure.digits, measure.better, wide)


def value_cell(contrasts: Contrasts, name: str) -> Cell:
    """A system's value with interval and significance letters."""
    return cell_of(contrasts.values[name], (contrasts.letters or {}).get(name, ""))


def cell_of(found: HasInterval | Pooled | Interval | None, letters: str = "") -> Cell:
    """A number with its interval."""
    return Cell() if found is None else Cell(found.value, found.low, found.high, letters)
