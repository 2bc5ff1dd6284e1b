"""Reading untrusted files: a size limit, no repeated keys, a strict schema, clear messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from harness.data.row_models import OUTPUT_CHARACTERS
from harness.errors import DataError
from harness.leaderboard.submission import (
    PREDICTIONS_BYTES,
    SUBMISSION_BYTES,
    Strict,
    Submission,
    Text,
)
from harness.metrics import is_mean
from harness.record import strict_json
from harness.record.reading import from_json
from harness.record.strict_json import first_duplicate

M = TypeVar("M", bound=Strict)
SUBMISSION, PREDICTIONS, VERIFICATION = "submission.json", "predictions.jsonl", "verification.json"
ROW_FILES = frozenset({SUBMISSION, PREDICTIONS, VERIFICATION})
LINE_BYTES = 8 * OUTPUT_CHARACTERS
"""No line of an allowed text is longer, however its characters are escaped."""


def read_submission(folder: Path) -> Submission:
    """The submission in a row's folder.

    Raises DataError for an unexpected file, for a link, and for anything that the schema refuses;
    the message names the field.
    """
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            raise DataError(f"{path}: a link or folder; a row holds plain files only")
        if path.name not in ROW_FILES:
            names = ", ".join(sorted(ROW_FILES))
            raise DataError(f"{path}: does not belong here; a row holds {names}")
    path = folder / SUBMISSION
    found = read_strict(path, Submission, SUBMISSION_BYTES)
    for fault in _misshapen(found, folder.name):
        raise DataError(f"{path}, {fault}")
    return found


def read_strict(path: Path, kind: type[M], most: int) -> M:
    """A JSON file of at most `most` bytes as a `kind`. Raises DataError with file and field."""
    return parse(read_bytes(path, most), kind, str(path))


def read_bytes(path: Path, most: int) -> bytes:
    """The file's bytes. Raises DataError if it is missing, a link, or larger than `most`."""
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path}: no such file; expected one of at most {most:,} bytes")
    size = path.stat().st_size
    if size > most:
        raise DataError(f"{path}: {size:,} bytes; at most {most:,} are allowed")
    return path.read_bytes()


def parse(raw: bytes, kind: type[M], place: str) -> M:
    """JSON text as a `kind`. Raises DataError for repeated keys, bad JSON and bad values."""
    try:
        strict_json.loads(raw)
    except ValueError as error:
        raise DataError(f"{place}: not valid JSON: {error}") from None
    return from_json(kind, raw, place)


def read_texts(folder: Path) -> list[dict[str, str]]:
    """Texts by example id from predictions.jsonl, one mapping per sample.

    Raises DataError, with the line, for a bad or too long line, an id repeated within a sample, and
    samples with different ids.
    """
    path = folder / PREDICTIONS
    samples: dict[int, dict[str, str]] = {}
    for place, line in _lines(path):
        if len(line) > LINE_BYTES:
            raise DataError(
                f"{place}: {len(line):,} bytes; a text has at most {OUTPUT_CHARACTERS:,} characters"
            )
        text = parse(line, Text, place)
        sample = samples.setdefault(text.sample, {})
        if text.id in sample:
            raise DataError(f"{place}: id {text.id!r} is repeated in sample {text.sample}")
        sample[text.id] = text.output
    if not samples:
        raise DataError(f"{path}: no text; expected one JSON object per line")
    if sorted(samples) != list(range(len(samples))):
        raise DataError(f"{path}: samples {sorted(samples)}; expected 0 to {len(samples) - 1}")
    for number, texts in samples.items():
        if odd := sorted(texts.keys() ^ samples[0].keys()):
            raise DataError(f"{path}: example {odd[0]!r} is not in both sample 0 and {number}")
    return [samples[index] for index in range(len(samples))]


def texts_of(folder: Path, ids: Iterable[str]) -> dict[str, str]:
    """The texts (sample 0) of a few examples, without parsing every line of a large file.

    A line with an escape by number may have it in the id, so it is parsed.
    """
    markers = {key: f'"{key}"'.encode() for key in ids}
    found: dict[str, str] = {}
    for place, line in _lines(folder / PREDICTIONS):
        if b"\\u" in line or any(key in line for key in markers.values()):
            text = parse(line, Text, place)
            if text.id in markers and text.sample == 0:
                found.setdefault(text.id, text.output)
    return found


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """(place, line) of every line that is not blank."""
    for number, line in enumerate(read_bytes(path, PREDICTIONS_BYTES).split(b"\n"), 1):
        if line.strip():
            yield f"{path} line {number}", line


def _misshapen(row: Submission, folder: str) -> Iterator[str]:
    """Messages unless the id is the folder's, columns match the ids and users count from 0."""
    examples, users = row.examples, row.test.users
    count = len(examples.ids)
    if row.id != folder:
        yield f"id: found {row.id!r}; its folder is {folder!r}"
    if twice := first_duplicate(examples.ids):
        yield f"examples.ids: {twice!r} is repeated"
    if not count == row.test.examples == row.n.planned:
        yield (
            f"examples: {count} example ids, test.examples {row.test.examples}, n.planned"
            f" {row.n.planned}; expected the same number"
        )
    for name, column in {"users": examples.users, **examples.scores}.items():
        if len(column) != count:
            yield f"examples {name}: {len(column)} values for {count} ids"
    if set(examples.users) != set(range(users)):
        yield f"examples.users: expected each of 0 to {users - 1} to occur"
    for name in {*row.metrics, *examples.left_out}:
        found = len(examples.left_out.get(name, ()))
        if found != (0 if is_mean(name) or name not in row.metrics else users):
            yield f"examples.without {name}: {found} values for {users} users"
