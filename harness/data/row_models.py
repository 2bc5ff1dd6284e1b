"""LongLaMP's rows as pydantic models: one per task, each with a model of its profile entries.

Fields that no prompt shows (an entry's id, year, author) may be missing or null; other fields are
ignored. Where text is expected, numbers become text as in Python: 5.0 → "5.0", 5 → "5".
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

from harness.record.visible import blank


def spell(value: object) -> object:
    """A finite number as text; anything else unchanged, for the next validator to check."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and not math.isfinite(value):  # a long int is too large to ask
        raise ValueError("a finite number or text")
    return str(value)


def filled(value: str) -> str:
    """The text itself. Raises ValueError if it is empty, or shows nothing."""
    if blank(value):
        raise ValueError("text that is not empty")
    return value


def at_most(characters: int) -> AfterValidator:
    """Raises ValueError for a longer text; the name of the rule is its number."""

    def checked(value: str) -> str:
        if len(value) > characters:
            raise ValueError(f"at most {characters:,} characters, not {len(value):,}")
        return value

    return AfterValidator(checked)


def well_formed(value: str) -> str:
    """The text itself. Raises ValueError for half a surrogate pair, which JSON can escape.

    Such a text can be neither saved nor hashed.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("text without lone surrogates") from None
    return value


def dated(value: object) -> object:
    """A date as it is. Raises ValueError unless it is text or a number, which have an order."""
    text = spell(value)
    if not isinstance(text, str):
        raise ValueError("text or a number")
    well_formed(text)
    return value


TEXT_CHARACTERS = 200_000
"""A longer text of a row is refused: a tokenizer would take minutes for it."""
ID_CHARACTERS = 500
OUTPUT_CHARACTERS = 50_000
"""A longer text to be scored is refused; the paper's cap of 1536 tokens is far below this."""
Text = Annotated[str, AfterValidator(well_formed), at_most(TEXT_CHARACTERS)]
Spelled = Annotated[Text, BeforeValidator(spell)]
Filled = Annotated[Text, AfterValidator(filled)]
UserId = Annotated[
    str,
    BeforeValidator(spell),
    at_most(ID_CHARACTERS),
    AfterValidator(well_formed),
    AfterValidator(filled),
]


class Lenient(BaseModel):
    """Ignores unknown fields, and treats null as absence where a field may be missing.

    If a field has two names, null under one is also absence while the other has a value: in a
    table, rows with either name share the columns and leave one of them null.
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
    """The names that a row may use for the field."""
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        return [key for key in alias.choices if isinstance(key, str)]
    return [alias if isinstance(alias, str) else name]


class EntryModel(Lenient):
    """One entry of a profile; after validation every field is text."""


class RowModel(Lenient):
    """One row of data. A task adds the field that names its user and the type of its entries."""

    id: UserId | None = None
    input: Filled
    output: Filled
    profile: Sequence[EntryModel]


class OutputModel(BaseModel):
    """A text made elsewhere; other fields are ignored.

    error: why the text could not be made, as in a run's predictions.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Annotated[str, BeforeValidator(spell), AfterValidator(well_formed), at_most(ID_CHARACTERS)]
    output: Annotated[str, AfterValidator(well_formed), at_most(OUTPUT_CHARACTERS)]
    error: Any = None


class ReviewEntry(EntryModel):
    overall: Spelled
    description: Text
    summary: Text
    reviewText: Text  # noqa: N815  (named by the data)


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
    """A post and its summary; some copies name them `output` and `input`."""

    summary: Text = Field(validation_alias=AliasChoices("summary", "input"))
    content: Text = Field(validation_alias=AliasChoices("content", "output"))
    id: Spelled = ""
    author: Spelled = ""


class TopicRow(RowModel):
    author: UserId
    profile: list[TopicEntry]


class EmailLine(Lenient):
    """One email in its author's file."""

    subject: Text
    body: Filled
    date: Annotated[Any, AfterValidator(dated)] = ""


class EmailEntry(EntryModel):
    title: Text
    text: Text
    date: Spelled = ""


class EmailRow(RowModel):
    author: UserId
    profile: list[EmailEntry]
