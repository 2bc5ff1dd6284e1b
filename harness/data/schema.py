"""LongLaMP's rows as pydantic models: one per task, each with the model of its profile entries.

Fields that no prompt shows (an entry's id, year, author) may be missing or null; further fields
are ignored. Numbers where text is expected are spelled as Python spells them: 5.0 → "5.0", 5 → "5".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic.fields import FieldInfo


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


def whole(value: str) -> str:
    """JSON may spell half of a surrogate pair, which no file can hold and no hash can take."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("text in which every character is whole (no lone surrogates)") from None
    return value


Text = Annotated[str, AfterValidator(whole)]
Spelled = Annotated[Text, BeforeValidator(spell)]
Filled = Annotated[Text, AfterValidator(filled)]
UserId = Annotated[Spelled, AfterValidator(filled)]


class Lenient(BaseModel):
    """Further fields are ignored, and null is absence where a field may be missing.

    So it is too under one name of a field while another name has a value: columns that rows of both
    namings share hold nulls.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absence(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        absent = set()
        for name, info in cls.model_fields.items():
            keys = _keys(name, info)
            empty = {key for key in keys if key in values and values[key] is None}
            if not info.is_required() or any(values.get(key) is not None for key in keys):
                absent |= empty
        return {key: value for key, value in values.items() if key not in absent}


def _keys(name: str, info: FieldInfo) -> list[str]:
    """The names under which a row may give the field."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [key for key in alias.choices if isinstance(key, str)]
    return [alias if isinstance(alias, str) else name]


class EntryModel(Lenient):
    """One text of a profile; every field is text once validated."""


class RowModel(Lenient):
    """One line of data. A task adds the field of its user and the type of its entries."""

    id: UserId | None = None
    input: Filled
    output: Filled
    profile: Sequence[EntryModel]


class ReviewEntry(EntryModel):
    overall: Spelled
    description: Text
    summary: Text
    reviewText: Text  # noqa: N815  (the data's own name)


class ReviewRow(RowModel):
    reviewerId: UserId  # noqa: N815
    profile: list[ReviewEntry]


class AbstractEntry(EntryModel):
    title: Text
    abstract: Text
    id: Spelled = ""
    year: Spelled = ""


class AbstractRow(RowModel):
    name: UserId
    profile: list[AbstractEntry]


class TopicEntry(EntryModel):
    """A post and its summary; some copies call them `output` and `input`."""

    summary: Text = Field(validation_alias=AliasChoices("summary", "input"))
    content: Text = Field(validation_alias=AliasChoices("content", "output"))
    id: Spelled = ""
    author: Spelled = ""


class TopicRow(RowModel):
    author: UserId
    profile: list[TopicEntry]
