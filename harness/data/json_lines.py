"""JSON Lines → their values, line by line; a line that is not JSON is refused here."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.data.rows import data_error, not_utf8, shown, unfit_json
from harness.errors import DataError
from harness.record import strict_json


def line_values(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, str, Any]]:
    """(line number, place, JSON value) of each line that is not blank."""
    for number, value in numbered_lines(lines, path):
        yield number, f"{path} line {number}", value


def numbered_lines(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Any]]:
    """(line number from 1, JSON value) of each line that is not blank; skips a leading BOM.

    Only a newline ends a line: U+2028 is part of a text. `path` names the file in messages.
    """
    for number, raw in enumerate(lines, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        if line.strip():
            yield number, _parse_line(line, f"{path} line {number}")


def decoded(line: bytes, place: str) -> str:
    """A line's text. Raises DataError if it is not UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(place, error.start, line[error.start]) from None


def _parse_line(line: bytes, place: str) -> Any:
    text = decoded(line, place)
    try:
        return strict_json.loads(text)
    except json.JSONDecodeError as error:
        raise _not_json(error, place) from None
    except ValueError as error:
        raise unfit_json(place, str(error), "correct the line") from None


def _not_json(error: json.JSONDecodeError, place: str) -> DataError:
    rest = error.doc[error.pos :].strip()
    truncated = not rest or error.msg.startswith("Unterminated string")
    found = "the line ends inside its JSON" if truncated else f"{error.msg}, at {shown(rest)}"
    return data_error(
        f"{place}, column {error.colno}",
        found,
        "one complete JSON object on the line",
        "correct the line; was the file copied completely?",
    )
