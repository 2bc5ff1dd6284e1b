"""The base of every group of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A frozen group of settings; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _lists_with_commas(cls, value: Any, info: ValidationInfo) -> Any:
        """Accept `a,b` and a single value where a list is expected, and `none` where it is a name
        or there may be no value.

        Raises ValueError for half a surrogate pair, which no record can hold, and for true and
        false where a number is expected.
        """
        field = cls.model_fields[info.field_name or ""]
        section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        try:
            json.dumps(None if section else value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("expected text without half a surrogate pair") from None
        if value is None and "none" in get_args(field.annotation):
            return "none"  # a choice of this name; elsewhere `none` is no value at all
        kinds = _kinds(field.annotation)
        named = "none" in kinds or (str in kinds and NoneType not in kinds)
        if isinstance(value, list | tuple) and named:
            value = ["none" if each is None else each for each in value]
        if value == "none" and NoneType in get_args(field.annotation):
            return None
        listed = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(each, bool) for each in listed) and _counts(field.annotation):
            raise ValueError("expected a number, not true or false")
        if get_origin(field.annotation) is not tuple or isinstance(value, list | tuple | Mapping):
            return value
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return (value,)


def _counts(annotation: Any) -> bool:
    """Whether a number may stand here, and neither true nor false."""
    kinds = _kinds(annotation)
    return (int in kinds or float in kinds) and bool not in kinds


def _kinds(annotation: Any) -> list[Any]:
    """The types inside an annotation."""
    inside = get_args(annotation)
    return [kind for each in inside for kind in _kinds(each)] if inside else [annotation]


def no_value(value: Any) -> Any:
    """The value of a method's option with None for the text "none", in tables and lists too."""
    if isinstance(value, Mapping):
        return {key: no_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [no_value(each) for each in value]
    return None if value == "none" else value
