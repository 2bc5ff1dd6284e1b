"""Boards → a static page: index.html with the table, and files with the rows' details."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.data import load_split
from harness.errors import DataError, HarnessError
from harness.leaderboard.board import Board, Place, against_rules, boards
from harness.leaderboard.details import chosen_examples, details, excerpt
from harness.leaderboard.reading import read_submission
from harness.leaderboard.scores import board_data
from harness.leaderboard.table import Entry, table
from harness.leaderboard.verification import read_verification
from harness.leaderboard.visible import script_json
from harness.settings import RunSettings

PAGE, ROWS, BOARDS = "index.html", "rows", "boards"
PER_FILE = 50
"""Rows whose details share a file: small enough to load at once, few files for 10,000 rows."""


@dataclass(frozen=True)
class Built:
    """What was written; left_out: rows that are not on the page, and why."""

    rows: int
    boards: int
    shards: int
    page_bytes: int
    left_out: tuple[str, ...]


def build(root: Path, out: Path) -> Built:
    """Write the page of all boards below `root` into `out`. Raises UsageError if there is no board.

    A row that the schema or the board's rules refuse is left out and listed. The page loads only
    the files written here, with script elements, so it works from disk. In `out`, only the files of
    an earlier page are removed.
    """
    # 1. Read the rows that the rules accept.
    left_out: list[str] = []
    found: list[tuple[Place, list[tuple[Path, Entry]]]] = []
    for place in boards(root):
        kept = []
        for folder in place.rows():
            try:
                kept.append((folder, _entry(place.board, folder)))
            except HarnessError as error:
                left_out.append(f"left out: {error}")
        found.append((place, kept))
    # 2. Render the table, and remove an earlier page's files.
    plain = [(place.board, [entry for _, entry in rows]) for place, rows in found]
    page = render(table(plain, PER_FILE))
    for name in (ROWS, BOARDS):
        (out / name).mkdir(parents=True, exist_ok=True)
        for old in (out / name).glob("[0-9]*.js"):
            old.unlink()
    # 3. Write the details, then the page that loads them.
    shards = 0
    for name, value in _shards(found):
        call = f"leaderboard.take({script_json(name)},{script_json(value)});\n"
        (out / name).write_text(call, encoding="utf-8")
        shards += 1
    (out / PAGE).write_text(page, encoding="utf-8")
    rows = sum(len(kept) for _, kept in found)
    return Built(rows, len(found), shards, len(page.encode()), tuple(left_out))


def _entry(board: Board, folder: Path) -> Entry:
    row = read_submission(folder)
    if faults := list(against_rules(board, row)):
        raise DataError(f"{folder}: " + "; ".join(faults[:3]))
    return Entry(row, read_verification(folder))


def _shards(
    found: list[tuple[Place, list[tuple[Path, Entry]]]],
) -> Iterator[tuple[str, Any]]:
    """(file name, content): the public examples of each board, and the details of rows."""
    chosen = [chosen_examples(place.board, rows[0][1]) if rows else [] for place, rows in found]
    for index, (place, _) in enumerate(found):
        yield f"{BOARDS}/{index}.js", _public_examples(place.board, chosen[index])
    all_rows = [
        (folder, entry, chosen[index])
        for index, (_, rows) in enumerate(found)
        for folder, entry in rows
    ]
    for start in range(0, len(all_rows), PER_FILE):
        part = all_rows[start : start + PER_FILE]
        yield (
            f"{ROWS}/{start // PER_FILE}.js",
            [details(entry, folder, ids) for folder, entry, ids in part],
        )


def _public_examples(board: Board, ids: list[str]) -> dict[str, Any]:
    """Input and reference of the chosen examples, for built-in data, which is public."""
    if board.data != "mini" or not board.texts or not ids:
        return {}
    test = load_split(RunSettings(task=board.test.task, data=board_data(board, None)), "test")
    inputs = {example.id: example.input for example in test.examples}
    return {
        key: {"input": excerpt(inputs[key]), "reference": excerpt(test.references[key].text)}
        for key in ids
        if key in inputs
    }


def render(data: Mapping[str, Any]) -> str:
    """The page. Its security policy allows only its own script, style and files."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    folder = files("harness.leaderboard") / "templates"

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    style = text("leaderboard.css")
    script = text("leaderboard_row.js") + text("leaderboard.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(text("leaderboard.html")).render(
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
        data=Markup(script_json(data)),
        statuses=data["statuses"],
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
