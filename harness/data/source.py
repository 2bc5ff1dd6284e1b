"""The kinds of data sources, and what each promises to a reader who has only the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["mini", "hub", "folder"]


@dataclass(frozen=True)
class Source:
    """A kind of data source.

    kind: its name in boards and records.
    built_in: anyone can rebuild the data from the package and a seed; another seed draws another
    set of the same kind, and the texts are public.
    """

    kind: Kind
    built_in: bool = False


SOURCES: Mapping[str, Source] = {"mini": Source("mini", built_in=True), "hub": Source("hub")}
FOLDER = Source("folder")
"""Data that a reader must have."""


def source_of(name: str) -> Source:
    """The source behind `data.source`: a folder, unless it is the name of another kind."""
    return SOURCES.get(name, FOLDER)
