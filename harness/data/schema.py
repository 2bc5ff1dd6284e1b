"""LongLaMP's rows as pydantic models: one per task, each with the model of its profile entries.

Fields that no prompt shows (an entry's id, year, author) may be missing; further fields are
ignored. Numbers where text is expected are spelled as Python spells them: 5.0 → "5.0", 5 → "5".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


def spell(value: object) -> object:
    """A finite number as text; anything else unchanged, for the next validator to judge."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not math.isfinite(value):
        raise ValueError("a finite number or text")
    return str(value)


def filled(value: str) -> str:
    if not value.strip():
        raise ValueError("text that is not empty")
    return value


Spelled = Annotated[str, BeforeValidator(spell)]
Filled = Annotated[str, AfterValidator(filled)]
UserId = Annotated[str, BeforeValidator(spell), AfterValidator(filled)]


class EntryModel(BaseModel):
    """One text of a profile; every field is text once validated."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class RowModel(BaseModel):
    """One line of data. A task adds the field of its user and the type of its entries."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UserId | None = None
    input: Filled
    output: Filled
    profile: Sequence[EntryModel]


class ReviewEntry(EntryModel):
    overall: Spelled
    description: str
    summary: str
    reviewText: str  # noqa: N815  (the data's own name)


class ReviewRow(RowModel):
    reviewerId: UserId  # noqa: N815
    profile: list[ReviewEntry]


class AbstractEntry(EntryModel):
    title: str
    abstract: str
    id: Spelled = ""
    year: Spelled = ""


class AbstractRow(RowModel):
    name: UserId
    profile: list[AbstractEntry]


class TopicEntry(EntryModel):
    """A post and its summary; some copies call them `output` and `input`."""

    summary: str = Field(validation_alias=AliasChoices("summary", "input"))
    content: str = Field(validation_alias=AliasChoices("content", "output"))
    id: Spelled = ""
    author: Spelled = ""


class TopicRow(RowModel):
    author: UserId
    profile: list[TopicEntry]
