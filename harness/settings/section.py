"""The base of every group of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
        """Accept `a,b` and a single value where a list is expected, and `none` where it is a name.

        Raises ValueError for half a surrogate pair, which no record can hold.
        """
        field = cls.model_fields[info.field_name or ""]
        section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        try:
            json.dumps(None if section else value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("expected text without half a surrogate pair") from None
        if value is None and "none" in get_args(field.annotation):
            return "none"  # a choice of this name; elsewhere `none` is no value at all
        if get_origin(field.annotation) is not tuple or isinstance(value, list | tuple | Mapping):
            return value
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return (value,)
