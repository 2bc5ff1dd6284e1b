"""Examples from a folder of personal emails: one file of JSON Lines an author, in time order.

LongLaMP's fourth task uses a collection that may not be passed on, so everyone brings their own.
An author's last email is to be completed from its subject and first words; the earlier ones are the
profile. In the temporal setting the last three are those of test, val and train.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.data.files import author_files, refuse_unreadable_name
from harness.data.folder import unchanged
from harness.data.json_lines import numbered_lines
from harness.data.row_models import EmailLine
from harness.data.rows import Row, data_error, field_path, parse_rows, shown
from harness.data.tasks import Task
from harness.data.words import word_spans
from harness.errors import DataError
from harness.record.visible import blank

TOO_FEW = "authors_with_too_few_emails"
"""Key of `SplitData.dropped`."""
GIVEN_WORDS = 20
"""At most this many first words of the email are given, and at most a quarter of it."""
NUMBER = re.compile(r"-?\d+(\.\d+)?")
"""Text that is compared as a number: a time in seconds gains a digit."""
SHARES = {"test": 10, "val": 20}
"""Percent of authors below which an author is in test or val, by hash of the name; else train."""
FROM_END = {"test": 1, "val": 2, "train": 3}
"""Temporal setting: which email from the end is the target."""


def read_emails(
    task: Task, folder: Path, setting: str, split: str, files: dict[str, str] | None = None
) -> tuple[list[Row], int]:
    """The examples of a split, and how many of its authors have too few emails for one.

    task: the email task.
    folder: with a file an author.
    setting: user (an author is in one split) or temporal (an author is in all of them).
    split: train, val or test.
    files: if given, receives each file's name and the sha256 of the bytes read.

    Raises DataError naming file, line and field of the first fault, and for a split without an
    example.
    """
    rows: list[tuple[str, object]] = []
    too_few = 0
    for path in author_files(folder):
        refuse_unreadable_name(path)
        if setting == "user" and split_of(path.stem) != split:
            continue
        emails = list(_read(path, files))
        target = len(emails) - (1 if setting == "user" else FROM_END[split])
        if target < 1:
            too_few += 1
            continue
        rows.append(_example(path, emails, target))
    if not rows:
        raise data_error(
            f"{folder}, {split}",
            f"no author with enough emails ({too_few} with too few)",
            "authors of every split; a tenth each goes to test and val by the hash of the name",
            "add authors, or write train.jsonl, val.jsonl and test.jsonl yourself (docs/data.md)",
        )
    return list(parse_rows(task, rows)), too_few


def split_of(author: str) -> str:
    """The split of an author in the user setting, by the hash of the name."""
    place = int(hashlib.sha256(author.encode()).hexdigest()[:8], 16) % 100
    return next((split for split, below in SHARES.items() if place < below), "train")


def _read(path: Path, files: dict[str, str] | None) -> Iterator[tuple[str, EmailLine]]:
    """(place, email) in order. Raises DataError for a wrong field and for a date that falls."""
    before: str | float | None = None
    with unchanged(path) as (handle, sha256):
        if files is not None:
            files[path.name] = sha256
        for number, value in numbered_lines(handle, path):
            place = f"{path} line {number}"
            try:
                email = EmailLine.model_validate(value)
            except ValidationError as error:
                raise _wrong(place, error) from None
            if email.date != "":
                if before is not None:
                    _refuse_fall(f"{place}, date", before, email.date)
                before = email.date
            yield place, email


def _wrong(place: str, error: ValidationError) -> DataError:
    """The first wrong field of a line."""
    item = error.errors()[0]
    own_rule = item["type"] == "value_error"
    return data_error(
        ", ".join(part for part in (place, field_path(item["loc"])) if part),
        "nothing" if item["type"] == "missing" else shown(item["input"]),
        item["msg"].removeprefix("Value error, ")
        if own_rule
        else "an object with subject and body as text, and perhaps date",
        "correct or remove the line",
    )


def _refuse_fall(place: str, before: Any, date: Any) -> None:
    """Raises DataError for a date, text or a number, below the one before it or of another kind."""
    found = f"{shown(date)} after {shown(before)}"
    texts = isinstance(before, str) + isinstance(date, str)
    if texts == 1:
        raise data_error(
            place,
            found,
            "dates of one kind, all text or all numbers",
            "write all dates of the file alike",
        )
    if texts and NUMBER.fullmatch(before) and NUMBER.fullmatch(date):
        before, date = float(before), float(date)
    if date < before:
        raise data_error(
            place,
            found,
            "emails in time order, with dates that are numbers or sort as text, e.g. 2001-05-14",
            "sort the file by date; write dates of words as 2001-05-14",
        )


def _example(
    path: Path, emails: list[tuple[str, EmailLine]], target: int
) -> tuple[str, dict[str, object]]:
    """A row of the task: one email to complete, the earlier ones as the profile."""
    place, email = emails[target]
    ends = [end for start, end in word_spans(email.body) if not blank(email.body[start:end])]
    given = min(GIVEN_WORDS, len(ends) // 4)
    end = ends[given - 1] if given else 0
    return place, {
        "author": path.stem,
        "input": f'Complete the email with the title "{email.subject}" that begins: '
        + email.body[:end].lstrip(),
        "output": email.body[end:].lstrip(),
        "profile": [
            {"title": each.subject, "text": each.body, "date": each.date}
            for _, each in emails[:target]
        ],
    }
