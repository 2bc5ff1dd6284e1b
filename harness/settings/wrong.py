"""Messages for wrong settings: a line for each, with the key as in `--set` and a suggestion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from harness.errors import UsageError

SECTIONS = dict.fromkeys(("model_type", "dict_type"), "a section: name one key of it")
KINDS = {"tuple_type": "a list: a,b or [a, b]", **SECTIONS}
Where = str | Callable[[str], str]
"""Where settings come from, as a message says it: one place, or the place of a key."""


def place_of(where: Where, key: str) -> str:
    """Where a key comes from."""
    return where if isinstance(where, str) else where(key)


def refuse_plain_sections(
    model: type[BaseModel], values: Mapping[str, Any], where: Where = "settings"
) -> None:
    """Raises UsageError for a plain value in the place of a section of `model`.

    values: of one source, before others are merged with them: a key of the section from elsewhere
        would replace the value without a word.
    """
    try:
        model.model_validate(values)
    except ValidationError as error:
        plain = [item for item in error.errors() if item["type"] in SECTIONS]
        if plain:
            raise UsageError(explain(model, plain, where)) from None


def explain(model: type[BaseModel], errors: Sequence[ErrorDetails], where: Where) -> str:
    """One line for each wrong key of `model`: where, what was found, what was expected."""
    lines: list[str] = []
    found: dict[tuple[str, str], list[str]] = {}
    for item in errors:
        if item["type"] == "extra_forbidden":
            whole_key = _whole_key(item["loc"], item["input"])
            lines.append(f"{place_of(where, whole_key)}: {_unknown(model, whole_key)}")
            continue
        key = _key(model, item["loc"])
        whole = item["type"] == "value_error" and isinstance(item["input"], Mapping)
        given = f"{key}: " if whole else f"{key} = {item['input']!r:.120}; "
        ways = found.setdefault((place_of(where, key), given if key else ""), [])
        what = _expected(item["type"], item["msg"])
        ways.append(what if item["type"] == "value_error" or ways else f"expected {what}")
    return "\n".join(
        [
            *lines,
            *(
                f"{at}: {key}{' or '.join(dict.fromkeys(ways))}"
                for (at, key), ways in found.items()
            ),
        ]
    )


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Every field of a settings class by its key, those of its sections as `section.key`."""
    fields: dict[str, FieldInfo] = {}
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            fields |= {f"{name}.{key}": each for key, each in fields_of(inner).items()}
        else:
            fields[name] = info
    return fields


def _expected(kind: str, message: str) -> str:
    """pydantic's message without its phrases for programmers."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    what = KINDS.get(kind) or message.removeprefix("Input should be ").partition(", unable to")[0]
    return f"a number {what}" if what.startswith(("greater", "less")) else what


def _key(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """The key of a pydantic location, without branches of unions; list indices are kept."""
    parts: list[str] = []
    here: Any = model
    for part in loc:
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = here.model_fields[str(part)].annotation
        elif not isinstance(part, int):
            continue
        parts.append(str(part))
    return ".".join(parts)


def _whole_key(loc: Sequence[int | str], value: Any) -> str:
    """The full key as given: an unknown section and the key in it."""
    key = ".".join(map(str, loc))
    while isinstance(value, Mapping) and len(value) == 1:
        ((part, value),) = value.items()
        key += f".{part}"
    return key


def _unknown(model: type[BaseModel], key: str) -> str:
    known = list(fields_of(model))
    last = key.rpartition(".")[2]
    near = get_close_matches(key, known, n=1)
    near += [each for each in known if each.endswith(f".{last}")]
    if near:
        return f"unknown key {key!r}. Did you mean {near[0]!r}?"
    if not known:
        return f"unknown key {key!r}; there are no options here. Leave it out"
    section = key.partition(".")[0]
    inside = [each for each in known if each.startswith(f"{section}.")]
    if inside or not any("." in each for each in known):
        return f"unknown key {key!r}. Known: {', '.join(sorted(inside or known))}"
    sections = dict.fromkeys(each.partition(".")[0] for each in known if "." in each)
    return (
        f"unknown key {key!r}. `harness list presets` shows every key (sections"
        f" {', '.join(sections)}); a method's own begin with `method.` (`harness list options`)"
    )
