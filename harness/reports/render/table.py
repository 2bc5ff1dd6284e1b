"""One table for every output: columns, values, and how they are shown.

Sections, bench and the command line fill it; terminal, html, markdown, latex and spreadsheet render
it. It imports nothing heavy, so that `harness list` stays fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from harness.reports.render import numbers

Kind = Literal["words", "note", "number", "difference", "p", "seconds", "short"]
"""How values are shown. note: less important words. short: three digits, as in 1.23e+12."""
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Column:
    """One column.

    title, unit: its head.
    kind: how its values are shown. digits: after the point.
    better: which end wins, so that the best value is highlighted; None if neither does.
    wide: left out if there is little room, as on a terminal.
    """

    title: str
    unit: str = ""
    kind: Kind = "words"
    digits: int = 2
    better: Better | None = None
    wide: bool = False

    @property
    def name(self) -> str:
        """The title, with ↓ where lower is better."""
        return f"{self.title} ↓" if self.better == "lower" else self.title

    @property
    def head(self) -> str:
        return f"{self.name}, {self.unit}" if self.unit else self.name

    @property
    def numeric(self) -> bool:
        return self.kind not in ("words", "note")


class Estimated(Protocol):
    """A value with the ends of its interval."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


@dataclass(frozen=True)
class Cell:
    """A value with its interval and significance letters.

    digits: replaces the column's.
    certain: whether it is highlighted where it is the best; False if no test shows that.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    letters: str = ""
    digits: int | None = None
    certain: bool = True

    @classmethod
    def of(cls, found: Estimated, digits: int | None = None) -> Cell:
        """A number with its interval."""
        return cls(found.value, found.low, found.high, digits=digits)


Value = str | float | None | Cell
"""What a row holds: words, a number, nothing, or a number with its interval."""


@dataclass(frozen=True)
class Field:
    """A formatted value: `text`, its interval's `ends`, letters, and whether it is the best."""

    text: str
    ends: str = ""
    letters: str = ""
    best: bool = False

    def __str__(self) -> str:
        return f"{self.text} {self.ends}".rstrip()


@dataclass(frozen=True)
class Table:
    """Columns and rows of values.

    name: of its files. title, notes: above and below it.
    folded: shown on request.
    faint: indices of rows that are not runs.
    groups: the group of each row, with a group's rows adjacent; empty without groups.
    grouped_by: what the groups are.
    """

    name: str
    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ()
    notes: tuple[str, ...] = ()
    folded: bool = False
    faint: frozenset[int] = frozenset()
    groups: tuple[str, ...] = ()
    grouped_by: str = "task"

    @property
    def file(self) -> str:
        return file_name(self.name)

    def shown(self) -> list[list[Field]]:
        """Every row, formatted."""
        best = set(self._best())
        return [
            [
                replace(show(column, value), best=(index, place) in best)
                for place, (column, value) in enumerate(zip(self.columns, row, strict=True))
            ]
            for index, row in enumerate(self.rows)
        ]

    def with_faint(self, rows: Iterable[tuple[Value, ...]]) -> Table:
        """The table with further rows that are not runs."""
        more = tuple(rows)
        faint = range(len(self.rows), len(self.rows) + len(more))
        return replace(self, rows=self.rows + more, faint=self.faint | frozenset(faint))

    def noted(self, *notes: str) -> Table:
        """The table with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def ungrouped(self) -> Table:
        """The same table with its rows' groups as a first column."""
        if not self.groups:
            return self
        rows = tuple((group, *row) for group, row in zip(self.groups, self.rows, strict=True))
        columns = (Column(self.grouped_by), *self.columns)
        return replace(self, columns=columns, rows=rows, groups=())

    def narrow(self) -> Table:
        """The table without its wide columns."""
        kept = [not column.wide for column in self.columns]
        rows = [
            tuple(value for value, keep in zip(row, kept, strict=True) if keep) for row in self.rows
        ]
        columns = tuple(column for column in self.columns if not column.wide)
        return replace(self, columns=columns, rows=tuple(rows))

    def _best(self) -> Iterator[tuple[int, int]]:
        """(row, column) of the best value in each group of at least two values."""
        groups = self.groups or ("",) * len(self.rows)
        for place, column in enumerate(self.columns):
            pick = {"higher": max, "lower": min}.get(column.better or "")
            for group in dict.fromkeys(groups if pick else ()):
                known = [
                    (cell.value, index, cell.certain)
                    for index, row in enumerate(self.rows)
                    if groups[index] == group and index not in self.faint
                    if (cell := cell_of(row[place])).value is not None
                ]
                if pick and len(known) > 1:
                    top = pick(known)[0]
                    yield from ((at, place) for one, at, certain in known if one == top and certain)


def file_name(name: str) -> str:
    """A name reduced to characters that are safe in paths, addresses and ids."""
    return re.sub(r"[^A-Za-z0-9_=-]+", "_", name).strip("_")


def cell_of(value: Value) -> Cell:
    """The number behind a value as a cell; an empty one for words and for nothing.

    A number that is not finite counts as nothing.
    """
    if isinstance(value, str):
        return Cell()
    cell = value if isinstance(value, Cell) else Cell(value)
    low, high = numbers.finite(cell.low), numbers.finite(cell.high)
    return replace(cell, value=numbers.finite(cell.value), low=low, high=high)


def show(column: Column, value: Value) -> Field:
    """A value formatted for its column; words are unchanged in any column."""
    if isinstance(value, str):
        return Field(value)
    cell = cell_of(value)
    if cell.value is None:
        return Field(numbers.NONE)
    if column.kind == "p":
        return Field(numbers.p_value(cell.value))
    if column.kind == "seconds":
        return Field(numbers.seconds(cell.value))
    if column.kind == "short":
        return Field(f"{cell.value:.3g}")
    digits = column.digits if cell.digits is None else cell.digits
    signed = column.kind == "difference"
    ends = numbers.ends(cell.low, cell.high, digits, signed)
    return Field(numbers.figure(cell.value, digits, signed), ends, cell.letters)
