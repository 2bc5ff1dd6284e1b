"""A report independent of its format: sections of text, tables, pictures and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.reports.render.table import Table, file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure; `alt` describes it in words."""

    name: str
    title: str
    drawing: Figure
    alt: str

    @property
    def file(self) -> str:
        return file_name(self.name)


@dataclass(frozen=True)
class Side:
    """One of two texts: pieces (words, whether the other text lacks them), and its scores."""

    name: str
    pieces: tuple[tuple[str, bool], ...]
    scores: str


@dataclass(frozen=True)
class Shown:
    """An example with two systems' texts side by side; prompt and reference if available."""

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
    """The whole report. warnings: shown at the top. facts: the JSON document."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)


def listed(names: Sequence[str], last: str = "and") -> str:
    """a, b and c"""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
