"""Boards → a static page: index.html with the table, and files with the rows' details."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data import load_split
from harness.errors import DataError, HarnessError
from harness.leaderboard.board import Board, against_rules, boards
from harness.leaderboard.csv_tables import csv_of
from harness.leaderboard.details import chosen_examples, details, excerpt
from harness.leaderboard.floors_of_boards import floors_of
from harness.leaderboard.page_data import Boards, Entry, table
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verification import read_verification
from harness.paths import refuse_file
from harness.record.visible import script_json
from harness.reports.trial.marks import FOLDER, stored_trials
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
    refuse_file(out)
    # 1. Read the rows that the rules accept.
    left_out: list[str] = []
    found: list[tuple[Board, list[Entry]]] = []
    for place in boards(root):
        found.append((place.board, []))
        for folder in place.rows():
            try:
                found[-1][1].append(_entry(place.board, folder))
            except HarnessError as error:
                left_out.append(f"left out: {error}")
    # 2. Compute floors, render the table, and remove an earlier page's files.
    floors = [floors_of(board) for board, _ in found]
    trials = stored_trials(root / FOLDER)
    page = render(table(found, PER_FILE, floors, trials))
    for name in (ROWS, BOARDS):
        (out / name).mkdir(parents=True, exist_ok=True)
        for old in (*(out / name).glob("[0-9]*.js"), *(out / name).glob("[0-9]*.csv")):
            old.unlink()
    # 3. Write tables and details, then the page that loads them.
    for index, ((board, entries), own) in enumerate(zip(found, floors, strict=True)):
        text = csv_of(board, entries, own)
        (out / BOARDS / f"{index}.csv").write_text(text, encoding="utf-8")
    shards = dict(_shards(found))
    for name, value in shards.items():
        call = f"leaderboard.take({script_json(name)},{script_json(value)});\n"
        (out / name).write_text(call, encoding="utf-8")
    (out / PAGE).write_text(page, encoding="utf-8")
    rows = sum(len(entries) for _, entries in found)
    return Built(rows, len(found), len(shards), len(page.encode()), tuple(left_out))


def _entry(board: Board, folder: Path) -> Entry:
    row = read_submission(folder)
    if faults := list(against_rules(board, row)):
        raise DataError(f"{folder}: " + "; ".join(faults[:3]))
    return Entry(folder, row, read_verification(folder))


def _shards(boards: Boards) -> Iterator[tuple[str, object]]:
    """(file name, content): the public examples of each board, and the details of rows."""
    rows: list[tuple[Entry, list[str]]] = []
    for index, (board, entries) in enumerate(boards):
        chosen = chosen_examples(board, entries[0]) if entries else []
        rows += [(entry, chosen) for entry in entries]
        yield f"{BOARDS}/{index}.js", _public_examples(board, chosen)
    for start in range(0, len(rows), PER_FILE):
        part = rows[start : start + PER_FILE]
        yield f"{ROWS}/{start // PER_FILE}.js", [details(entry, ids) for entry, ids in part]


def _public_examples(board: Board, ids: list[str]) -> dict[str, object]:
    """Input and reference of the chosen examples, for built-in data, which is public."""
    if not (board.source.built_in and board.texts and ids):
        return {}
    settings = RunSettings(task=board.test.task, data=board.data_settings())
    test = load_split(settings, "test")
    return {
        example.id: {
            "input": excerpt(example.input),
            "reference": excerpt(test.references[example.id].text),
        }
        for example in test.examples
        if example.id in ids
    }


def render(data: Mapping[str, object]) -> str:
    """The page. Its security policy allows only its own script, style and files."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=(loader := PackageLoader("harness.leaderboard")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    parts = ("leaderboard.css", "leaderboard_row.js", "leaderboard.js")
    style, row_script, script = (loader.get_source(environment, name)[0] for name in parts)
    return environment.get_template("leaderboard.html").render(
        style=style,
        style_hash=_hash(style),
        script=row_script + script,
        script_hash=_hash(row_script + script),
        data=script_json(data),
        statuses=data["statuses"],
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
