"""A CSV file → its rows, one in memory at a time; the column `profile` holds JSON text."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from harness.data.json_lines import decoded
from harness.data.rows import data_error, shown
from harness.errors import DataError
from harness.record import strict_json

LONGEST = 1 << 28
"""Characters of a cell from which a quote before it was probably not closed."""
JSON_COLUMN, OPTIONAL = "profile", "id"


def csv_rows(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str, Any]]:
    """(line on which it starts, place, value) of each row below the header.

    path: names the file in messages.

    Texts keep their line breaks; a cell of `id` that is empty means that there is none. Raises
    DataError naming the line of the first row that is not CSV, or whose profile is not JSON.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
    table = csv.reader(_lines(stream, path), strict=True)
    header: list[str] | None = None
    while True:
        line = table.line_num + 1
        place = f"{path} line {line}"
        try:
            cells = next(table, None)
        except csv.Error as error:
            raise _not_csv(place, str(error)) from None
        if cells is None:
            return
        if not cells:
            continue  # a blank line
        if header is None:
            header = cells
            _refuse_header(place, header)
        else:
            yield line, place, _value(place, header, cells)


def _lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        text = decoded(raw, f"{path} line {number}")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _refuse_header(place: str, header: list[str]) -> None:
    duplicate = strict_json.first_duplicate(header)
    if len(header) > 1 and duplicate is None:
        return
    found = "one column" if duplicate is None else f"column {duplicate!r} twice"
    raise data_error(
        f"{place}, the header",
        f"{found}: {shown(', '.join(header))}",
        "the names of the columns, each once, separated by commas",
        "write the file with commas between columns and a first line that names them",
    )


def _value(place: str, header: list[str], cells: list[str]) -> dict[str, Any]:
    """A row as JSON Lines would give it."""
    if len(cells) != len(header):
        raise data_error(
            place,
            f"{len(cells)} cells",
            f"{len(header)}, one for each column of the header",
            "put texts with commas, quotes or line breaks in double quotes, as csv.writer does",
        )
    row: dict[str, Any] = dict(zip(header, cells, strict=True))
    if row.get(OPTIONAL) == "":
        del row[OPTIONAL]
    if JSON_COLUMN in row:
        row[JSON_COLUMN] = _profile(f"{place}, {JSON_COLUMN}", row[JSON_COLUMN])
    return row


def _profile(place: str, cell: str) -> Any:
    try:
        return strict_json.loads(cell)
    except json.JSONDecodeError as error:
        rest = cell[error.pos : error.pos + 100]
        found = f"{error.msg}, at {shown(rest)}" if rest else f"a cell that ends early: {error.msg}"
        where = f"{place}, character {error.pos + 1}"
    except ValueError as error:
        found, where = str(error), place
    raise data_error(
        where,
        found if cell else "an empty cell",
        "a list of entries as JSON text: [{…}, {…}], [] for none",
        "write the column with json.dumps (JSON has double quotes, Python's repr has not)",
    )


def _not_csv(place: str, why: str) -> DataError:
    return data_error(
        place,
        why.partition(" - ")[0],  # then csv advises on modes of opening, which are ours
        "CSV: texts with commas, quotes or line breaks (a lone \\r too) in double quotes, quotes"
        " inside them twice",
        "write the file again with quoting=csv.QUOTE_ALL (csv.writer, pandas, to_csv of datasets),"
        " or as JSON Lines; is a quote not closed?",
    )
