"""A report before it has a format: sections of text, tables and pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Cell:
    """What a reader sees, and the numbers behind it. `strong` marks the best of a column."""

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    letters: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A grid with a head.

    name: of its files. folded: shown when asked for. faint: rows that are not of runs. groups: for
    each row the task that it belongs to, rows of one standing together; or nothing.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    faint: frozenset[int] = frozenset()
    groups: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return file_name(self.name)


@dataclass(frozen=True)
class Picture:
    """A figure; `alt` says in words what it shows."""

    name: str
    title: str
    drawing: Figure
    alt: str

    @property
    def file(self) -> str:
        return file_name(self.name)


@dataclass(frozen=True)
class Side:
    """One of two texts: pieces (text, whether the other lacks it), and its scores in words."""

    name: str
    pieces: tuple[tuple[str, bool], ...]
    scores: str


@dataclass(frozen=True)
class Shown:
    """An example with two systems' texts beside each other; prompt and reference where at hand."""

    id: str
    gap: str
    sides: tuple[Side, Side]
    input: str | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Section:
    """One subject: paragraphs, then pictures, then tables, then examples."""

    name: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    examples: tuple[Shown, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text or self.tables or self.pictures or self.examples)


@dataclass(frozen=True)
class Document:
    """The whole report. `warnings` stand at the top."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)


def file_name(name: str) -> str:
    """A name without anything that a path, an address or an id would mind."""
    return re.sub(r"[^A-Za-z0-9_=-]+", "_", name).strip("_")


def words(text: str) -> Cell:
    return Cell(text)


def number(value: float | None, digits: int = 2, unit: str = "") -> Cell:
    """A plain number; "–" where there is none."""
    return Cell("–") if value is None else Cell(f"{figure(value, digits)}{unit}", value)


def estimate(
    value: float | None,
    low: float | None,
    high: float | None,
    digits: int = 2,
    signed: bool = False,
    letters: str = "",
    strong: bool = False,
) -> Cell:
    """A number with its interval: `12.3 [11.9, 12.8]`, with a sign where it is a difference."""
    if value is None:
        return Cell("–")
    text = figure(value, digits, signed)
    if low is not None and high is not None:
        text += f" [{figure(low, digits, signed)}, {figure(high, digits, signed)}]"
    return Cell(text, value, low, high, letters, strong)


def figure(value: float, digits: int, signed: bool = False) -> str:
    """Digits with a true minus; −0.00 is 0.00."""
    shown = f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"
    if not float(shown.replace(",", "")):
        shown = f"{0:.{digits}f}"
    return shown.replace("-", "−")


def p_value(p: float | None) -> Cell:
    """0.0123, or <0.001."""
    if p is None:
        return Cell("–")
    return Cell("<0.001" if p < 0.001 else f"{p:.3f}", p)


def seconds(value: float | None) -> Cell:
    """0.31 s, 12 s, 3 min 20 s, 2 h 05 min."""
    if value is None:
        return Cell("–")
    if not value:
        return Cell("none", 0.0)
    if value < 10:
        return Cell(f"{value:.2f} s", value)
    if value < 120:
        return Cell(f"{value:.0f} s", value)
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return Cell(f"{minutes} min {rest:02d} s", value)
    return Cell(f"{minutes // 60} h {minutes % 60:02d} min", value)


def listed(names: Sequence[str], last: str = "and") -> str:
    """a, b and c"""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
