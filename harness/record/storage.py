"""A run's folder: record.json and predictions.jsonl, written atomically, with clear errors."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.errors import DataError
from harness.record.dated import is_dated
from harness.record.reading import from_plain
from harness.record.schema import SCHEMA_VERSION, Record
from harness.record.upgrades import UPGRADES
from harness.types import Prediction

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
RECORD, PREDICTIONS = "record.json", "predictions.jsonl"


@dataclass(frozen=True)
class Outcome:
    """A finished run; `repeated` if it was complete already and only its record was read."""

    record: Record
    folder: Path
    repeated: bool

    @property
    def exit_code(self) -> int:
        return 1 if self.record.n.failed else 0


def write_record(record: Record, folder: Path) -> Path:
    """Write record.json atomically. Raises ValueError for NaN and infinities."""
    return write_json(folder / RECORD, dataclasses.asdict(record))


def write_json(path: Path, value: object) -> Path:
    """`value` as indented JSON at `path`, atomically. Raises ValueError for NaN and infinities."""
    return write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> Path:
    """`text` at `path`, written next to it first and then moved: complete, or as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


def read_record(path: Path) -> Record:
    """The record at `path` (the file or its folder), upgraded from any earlier schema.

    Raises DataError, naming the file and the fault, if it cannot be read.
    """
    if path.is_dir():
        path = path / RECORD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: no record ({error.strerror}); expected a run's folder") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise DataError(f"{path}: found {type(fields).__name__}; expected a JSON object")
    version = fields.get("schema_version")
    if type(version) is not int or version not in range(1, SCHEMA_VERSION + 1):
        raise DataError(f"{path}: schema_version {version!r}; readable are 1 to {SCHEMA_VERSION}")
    try:
        for upgrade in UPGRADES[version - 1 :]:
            fields = upgrade(fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not a record of schema {version}: {error}") from None
    return from_plain(Record, fields, str(path))


def record_there(folder: Path) -> Record | None:
    """The record in a run's folder; None if there is none."""
    return read_record(folder) if (folder / RECORD).is_file() else None


def append_predictions(predictions: Iterable[Prediction], folder: Path) -> None:
    """Add lines to predictions.jsonl and make sure that they are on disk."""
    append_lines(predictions, folder / PREDICTIONS)


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions on disk, without a last line that an interruption cut short.

    Raises DataError, naming file and line, for any other line that is not a prediction.
    """
    return read_lines(Prediction, folder / PREDICTIONS, "a prediction")


def append_lines(rows: Iterable[DataclassInstance], path: Path) -> None:
    """Add dataclasses as JSON Lines and make sure that they are on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.writelines(map(_line, rows))
        file.flush()
        os.fsync(file.fileno())


def read_lines(kind: type[T], path: Path, what: str) -> list[T]:
    """The rows of `append_lines`, without a last line that an interruption cut short.

    Raises DataError, naming file and line, for any other line that is not a `what`.
    """
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            fields = json.loads(line).items()
            values = {k: tuple(v) if isinstance(v, list) else v for k, v in fields}
            found.append(kind(**values))
        except (ValueError, TypeError, AttributeError) as error:
            if number == len(lines):  # no newline: its writing was interrupted
                break
            raise DataError(f"{path} line {number}: not {what}: {error}") from None
    return found


def drop_partial_line(path: Path) -> None:
    """Remove a last line that an interruption cut short, before others are appended."""
    if path.is_file():
        whole = path.read_bytes()
        kept = whole[: whole.rfind(b"\n") + 1]
        if kept != whole:
            with path.open("r+b") as file:
                file.truncate(len(kept))


def rewrite_predictions(predictions: Iterable[Prediction], folder: Path) -> None:
    """Replace the whole file, atomically, without the outdated lines."""
    write_text(folder / PREDICTIONS, "".join(map(_line, predictions)))


def _line(row: DataclassInstance) -> str:
    return json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n"


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Folders of runs at or below the given paths, in order. Raises DataError if there are none.

    Old runs in dated folders, from before inputs changed, are included only if named explicitly.
    """
    found: list[Path] = []
    for path in paths:
        here = (
            [path]
            if (path / RECORD).is_file()
            else sorted(file.parent for file in path.rglob(RECORD) if not is_dated(file.parent))
        )
        if not here:
            raise DataError(
                f"{path}: no {RECORD} here or below; expected a run or a folder of runs"
            )
        found += [folder for folder in here if folder not in found]
    return found
