"""A row of any source → a checked `Row`; a bad row is refused here, with place, field and mend."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.data.tasks import Task
from harness.errors import DataError
from harness.types import Entry

SHOWN = 60
KINDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
    type(None): "null",
}
EXPECTED = {
    "string_type": "text",
    "list_type": "a list of profile entries (it may be empty)",
    "model_type": "an object with the entry's fields",
}


@dataclass(frozen=True)
class Row:
    """A checked row: its id, its texts, and its place (for messages)."""

    id: str
    user: str
    input: str
    output: str
    profile: Sequence[Entry]
    place: str


def data_error(where: str, found: str, expected: str, mend: str) -> DataError:
    """A DataError in the form that all of them share.

    where: file, line, example and field.
    found, expected: what the data has, and what it should have.
    mend: what the user can do.
    """
    return DataError(f"{where}\n  found     {found}\n  expected  {expected}\n  mend      {mend}")


def not_utf8(where: str, at: int, byte: int) -> DataError:
    """The error of a byte, counted from 0, that is not UTF-8."""
    found = f"0x{byte:02x}, which is not valid UTF-8 here"
    return data_error(f"{where}, byte {at + 1}", found, "UTF-8", "convert the file to UTF-8")


def unfit_json(where: str, why: str, mend: str) -> DataError:
    """The error of JSON that Python would read and the harness does not."""
    return data_error(where, why, "JSON: every key once in its object, every number finite", mend)


def parse_rows(task: Task, values: Iterable[tuple[str, object]]) -> Iterator[Row]:
    """Check (place, value) pairs, a value being what JSON or parquet gave, and return their rows.

    Raises DataError at the first row that does not fit `task`, or whose id is taken.
    """
    places: dict[str, str] = {}  # of each id
    for place, value in values:
        row = _parse_row(task, value, place, places)
        places[row.id] = place
        yield row


def new_id(task: str, user: str, text: str, taken: Container[str]) -> str:
    """`{task}-` and the first 12 hex digits of sha256(user \\0 input); repeats get `-2`, `-3`, …"""
    digest = hashlib.sha256(f"{user}\0{text}".encode()).hexdigest()
    first = f"{task}-{digest[:12]}"
    names = (first if repeat == 1 else f"{first}-{repeat}" for repeat in count(1))
    return next(name for name in names if name not in taken)


def _parse_row(task: Task, value: object, place: str, places: Mapping[str, str]) -> Row:
    if not isinstance(value, dict):
        raise data_error(
            place,
            shown(value),
            f"an object with {', '.join(_row_fields(task))}",
            "put one JSON object on each line; docs/data.md has an example",
        )
    try:
        model = task.row.model_validate(value)
    except ValidationError as error:
        raise _explain(task, value, place, _example(task, value, places), error) from None
    user = str(getattr(model, task.user))
    name = model.id or new_id(task.name, user, model.input, places)
    if name in places:
        raise data_error(
            f"{place}, example {name}, id",
            f"the same id as {places[name]}",
            "an id that no other example of this split has",
            "change it, or leave `id` out: ids are then made from user and input",
        )
    profile = tuple(entry.model_dump() for entry in model.profile)
    return Row(name, user, model.input, model.output, profile, place)


def _explain(
    task: Task, value: Mapping[str, object], place: str, example: str, error: ValidationError
) -> DataError:
    # the row's own fields first: a missing user reveals the wrong task sooner than its entries do
    first, *others = sorted(error.errors(), key=lambda item: len(item["loc"]))
    where = ", ".join(part for part in (place, example, field_path(first["loc"])) if part)
    found, expected, mend = _describe(task, value, first)
    if others:
        mend += f" ({len(others)} more in this row)"
    return data_error(where, found, expected, mend)


def _describe(task: Task, value: Mapping[str, object], item: ErrorDetails) -> tuple[str, str, str]:
    kind, path = item["type"], field_path(item["loc"])
    if kind == "missing":
        given = item["input"]
        keys = ", ".join(map(str, given)) if isinstance(given, Mapping) and given else "no fields"
        wrong_task = task.user not in value and len(item["loc"]) == 1
        hint = f"is this another task's data? {task.name} has" if wrong_task else "a row has"
        return (
            keys,
            f"a field {path.rpartition('.')[2]!r}",
            f"add it; {hint} {', '.join(_row_fields(task))}; an entry has {', '.join(task.texts)}",
        )
    if kind == "value_error":
        expected = item["msg"].removeprefix("Value error, ")
        empty = isinstance(item["input"], str) and not item["input"].strip()
        mend = f"fill `{path}`, or remove the row" if empty else f"change the value of `{path}`"
        return shown(item["input"]), expected, mend
    return shown(item["input"]), EXPECTED.get(kind, item["msg"]), f"change the type of `{path}`"


def shown(value: object) -> str:
    """A value as messages show it: its type and its first characters."""
    kind = KINDS.get(type(value), type(value).__name__)
    if value is None:
        return kind
    text = repr(value)
    return f"{kind} {text if len(text) <= SHOWN else text[:SHOWN] + '…'}"


def field_path(loc: tuple[int | str, ...]) -> str:
    """("profile", 3, "reviewText") → profile[3].reviewText"""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _row_fields(task: Task) -> tuple[str, ...]:
    return task.user, "input", "output", "profile"


def _example(task: Task, value: Mapping[str, object], taken: Container[str]) -> str:
    """`example ID` if the bad row still has what its id is made of, else ""."""
    own, user, text = value.get("id"), value.get(task.user), value.get("input")
    if isinstance(own, str) and own:
        return f"example {own if len(own) <= SHOWN else f'{own[:SHOWN]}…'}"
    if not (isinstance(user, str) and isinstance(text, str)):
        return ""
    try:
        return f"example {new_id(task.name, user, text, taken)}"
    except UnicodeEncodeError:
        return ""
