"""A report independent of its format: sections of text, tables, pictures and examples."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

from harness.reports.render.table import Table, file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure, drawn by `draw` once it is needed; `alt` describes it in words."""

    name: str
    title: str
    draw: Callable[[], Figure]
    alt: str

    @cached_property
    def drawing(self) -> Figure:
        return self.draw()

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
class Part:
    """What one task adds to a section: paragraphs, pictures, tables, examples, and warnings.

    facts: what it adds to the task's JSON.
    """

    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    examples: tuple[Shown, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: tuple[Mapping[str, object], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pictures or self.tables or self.examples)

    def __add__(self, other: Part) -> Part:
        return Part(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Part)))


@dataclass(frozen=True)
class Section(Part):
    """One subject: paragraphs, then pictures, then tables, then examples."""

    name: str = ""
    title: str = ""


def section(name: str, parts: Iterable[Part], **values: str) -> Section:
    """The parts under the title and introduction that `texts.toml` has for `name`.

    values: fill the introduction's {placeholders}.
    """
    texts = tomllib.loads((files("harness.reports.render") / "templates/texts.toml").read_text())
    whole = sum(parts, Part())
    introduction = tuple(one.format(**values) for one in texts[name]["text"])
    whole = replace(whole, text=introduction + whole.text)
    return Section(**vars(whole), name=name, title=texts[name]["title"])


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
