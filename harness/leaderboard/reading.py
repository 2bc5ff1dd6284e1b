"""Reading untrusted files: a size limit, no repeated keys, a strict schema, clear messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.data import strict_json
from harness.data.strict_json import first_duplicate
from harness.errors import DataError
from harness.leaderboard.schema import (
    PREDICTIONS_BYTES,
    SUBMISSION_BYTES,
    TEXT_CHARACTERS,
    Submission,
    Text,
)
from harness.metrics import is_mean
from harness.record.reading import explained

M = TypeVar("M", bound=BaseModel)
SUBMISSION, PREDICTIONS, VERIFICATION = "submission.json", "predictions.jsonl", "verification.json"
ROW_FILES = frozenset({SUBMISSION, PREDICTIONS, VERIFICATION})
LINE_BYTES = 8 * TEXT_CHARACTERS
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
    found = read_model(folder / SUBMISSION, Submission, SUBMISSION_BYTES)
    place = str(folder / SUBMISSION)
    if found.id != folder.name:
        raise DataError(f"{place}, id: found {found.id!r}; its folder is {folder.name!r}")
    _check_shape(place, found)
    return found


def read_model(path: Path, model: type[M], most: int) -> M:
    """A JSON file as a `model`. Raises DataError with file and field."""
    return parse(read_bytes(path, most), model, str(path))


def read_bytes(path: Path, most: int) -> bytes:
    """The file's bytes. Raises DataError if it is missing, a link, or larger than `most`."""
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path}: no such file; expected one of at most {most:,} bytes")
    size = path.stat().st_size
    if size > most:
        raise DataError(f"{path}: {size:,} bytes; at most {most:,} are allowed")
    return path.read_bytes()


def parse(raw: bytes, model: type[M], place: str) -> M:
    """JSON text as a `model`. Raises DataError for repeated keys, bad JSON and bad values."""
    try:
        strict_json.loads(raw)
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise DataError(explained(place, error)) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not valid JSON: {error}") from None


def read_texts(folder: Path) -> list[dict[str, str]]:
    """Texts by example id from predictions.jsonl, one mapping per sample.

    Raises DataError, with the line, for a bad or too long line, an id repeated within a sample, and
    samples with different ids.
    """
    path = folder / PREDICTIONS
    samples: dict[int, dict[str, str]] = {}
    for number, line in enumerate(read_bytes(path, PREDICTIONS_BYTES).split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        if len(line) > LINE_BYTES:
            raise DataError(
                f"{place}: {len(line):,} bytes; a text has at most {TEXT_CHARACTERS:,} characters"
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
    first = samples[0].keys()
    for sample_number, texts in samples.items():
        if texts.keys() != first:
            odd = sorted(texts.keys() ^ first)[0]
            raise DataError(f"{path}: example {odd!r} is not in both sample 0 and {sample_number}")
    return [samples[index] for index in range(len(samples))]


def texts_of(folder: Path, ids: Iterable[str]) -> dict[str, str]:
    """The texts (sample 0) of a few examples, without parsing every line of a large file."""
    markers = {key: f'"{key}"'.encode() for key in ids}
    found: dict[str, str] = {}
    path = folder / PREDICTIONS
    for number, line in enumerate(read_bytes(path, PREDICTIONS_BYTES).split(b"\n"), 1):
        if any(key in line for key in markers.values()):
            text = parse(line, Text, f"{path} line {number}")
            if text.id in markers and text.sample == 0:
                found.setdefault(text.id, text.output)
    return found


def _check_shape(place: str, row: Submission) -> None:
    """Raises DataError unless columns match the ids and users are numbered from 0."""
    examples = row.examples
    if twice := first_duplicate(examples.ids):
        raise DataError(f"{place}, examples.ids: {twice!r} is repeated")
    count = len(examples.ids)
    if count != row.test.examples or count != row.n.planned:
        raise DataError(
            f"{place}: {count} example ids, test.examples {row.test.examples}, n.planned"
            f" {row.n.planned}; expected the same number"
        )
    columns: Mapping[str, tuple[Any, ...]] = {"users": examples.users, **examples.scores}
    for name, column in columns.items():
        if len(column) != count:
            raise DataError(f"{place}, examples {name}: {len(column)} values for {count} ids")
    users = row.test.users
    if set(examples.users) != set(range(users)):
        raise DataError(f"{place}, examples.users: expected each of 0 to {users - 1} to occur")
    for name in {*row.metrics, *examples.left_out}:
        found = len(examples.left_out.get(name, ()))
        if found != (0 if is_mean(name) or name not in row.metrics else users):
            raise DataError(f"{place}, examples.without {name}: {found} values for {users} users")
