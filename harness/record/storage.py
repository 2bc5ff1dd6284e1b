"""A run's folder: record.json and predictions.jsonl, read with clear errors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness import __version__
from harness.errors import DataError, brief
from harness.record import strict_json
from harness.record.consistent import misfit
from harness.record.dated import is_dated
from harness.record.digest import json_sha256
from harness.record.reading import from_plain
from harness.record.schema import SCHEMA_VERSION, Record
from harness.record.state import DAMAGED, Say, read_lines, write_json
from harness.record.upgrades import UPGRADES
from harness.types import Prediction

RECORD, PREDICTIONS, WEIGHTS = "record.json", "predictions.jsonl", "model.safetensors"
CHECKSUM = "checksum"
"""Last field of the file: sha256 of all others. It is no field of `Record`."""


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
    """Write record.json atomically, its checksum last. Raises ValueError for NaN and infinities."""
    fields = dataclasses.asdict(record)
    return write_json(folder / RECORD, {**fields, CHECKSUM: _checksum(fields)})


def _checksum(fields: Mapping[str, object]) -> str:
    """sha256 of a record's values, however its file is laid out; its checksum is no part of it."""
    return json_sha256({k: v for k, v in fields.items() if k != CHECKSUM}, sort_keys=True)


def has_changed(fields: Mapping[str, object]) -> bool:
    """Whether the values of a record's JSON are not those of its checksum.

    Records before schema 4 have none, nor does one whose checksum was removed to edit it.
    """
    return fields.get(CHECKSUM, None) not in (None, _checksum(fields))


def read_record(path: Path) -> Record:
    """The record at `path` (the file or its folder), upgraded from any earlier schema.

    Raises DataError, naming the file, the fault and the cure, if it cannot be read.
    """
    if path.is_dir():
        path = path / RECORD
    try:
        content = path.read_bytes()
        fields = strict_json.loads(content.decode(), constant=float)
    except OSError as error:
        raise DataError(f"{path}: no record ({error.strerror}); expected a run's folder") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}{_cure(content)}") from None
    if not isinstance(fields, dict):
        raise DataError(f"{path}: found {type(fields).__name__}; expected a JSON object")
    if has_changed(fields):
        raise DataError(f"{path}: its values are not those of its checksum{_cure(content)}")
    fields.pop(CHECKSUM, None)
    version = fields.get("schema_version")
    if type(version) is not int or version not in range(1, SCHEMA_VERSION + 1):
        raise DataError(f"{path}: {_unreadable(version, fields.get('code'))}")
    try:
        for upgrade in UPGRADES[version - 1 :]:
            fields = upgrade(fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: not a record of schema {version}: {error}") from None
    record = from_plain(Record, fields, str(path))
    if fault := misfit(record):
        raise DataError(f"{path}, {brief(fault)}")
    return record


def _unreadable(version: object, code: object) -> str:
    """What to do about a schema version that this harness does not know.

    version, code: these fields of the record, of any type.
    """
    known = f"readable are 1 to {SCHEMA_VERSION}"
    if type(version) is not int or version <= SCHEMA_VERSION:
        return f"schema_version {version!r:.40}; {known}"
    writer = code.get("version") if isinstance(code, dict) else None
    return (
        f"schema_version {version!r:.40}, which harness {writer or '(version not recorded)'!s:.40}"
        f" wrote; {known} with this harness, {__version__}. Install that version or a later one:"
        " its records are read by every version after it"
    )


def _cure(content: bytes) -> str:
    """How to mend a damaged record: by its own command, which stands at its beginning."""
    text = content.decode(errors="replace")
    if re.search(r'^ "kind": "floor",$', text, re.MULTILINE):
        return (
            "\n  mend      delete its folder: the next `harness run` that evaluates on these data,"
            " or `harness score --name`, records the floor again"
        )
    found = re.search(r'"command": "((?:[^"\\\n]|\\")*)"', text)
    command = found[1].replace('\\"', '"') if found else "the run's command"
    return (
        f"\n  mend      repeat `{brief(command)}`: weights and texts are kept, only the record"
        " is made again"
    )


def record_there(folder: Path, say: Say | None = None) -> Record | None:
    """The record in a run's folder; None if there is none.

    say: a damaged record counts as absent, with a message; one of a newer schema is still refused.
    """
    if not (folder / RECORD).is_file():
        return None
    try:
        return read_record(folder)
    except DataError as error:
        if say is None or _is_newer(folder / RECORD):
            raise
        say(f"{DAMAGED}: {error}")
        return None


def _is_newer(path: Path) -> bool:
    """Whether a record is of a schema that this version does not know."""
    try:
        fields = json.loads(path.read_bytes())
        version = fields["schema_version"]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return False
    return isinstance(version, int) and version > SCHEMA_VERSION and not has_changed(fields)


def read_predictions(folder: Path) -> list[Prediction]:
    """The predictions on disk, the last of each example and sample.

    Two processes of an older version may have written a text twice. Raises DataError, naming the
    file and the line or the example, for a line that is not a prediction, and for a text that is
    not that of its checksum.
    """
    found = last_of_each(read_lines(Prediction, folder / PREDICTIONS))
    for text in found:
        if not is_intact(text):
            raise DataError(
                f"{folder / PREDICTIONS}: the text of {brief(text.id)} is not that of its checksum."
                " Repeat the run's command: it is generated again"
            )
    return found


def recorded_texts(folder: Path, record: Record) -> list[Prediction]:
    """The texts of a run in its folder; [] where only the record is there.

    Raises DataError as `read_predictions` does, and for other texts than those that the record was
    computed from; old records do not say which.
    """
    texts = read_predictions(folder)
    if record.texts is not None and (folder / PREDICTIONS).is_file():
        found = texts_digest(texts)
        if found != record.texts:
            fresh = " with --fresh" if record.status == "complete" else ""
            raise DataError(
                f"{folder / PREDICTIONS}: other texts than the record's\n"
                f"  found     sha256 {found[:12]}\n"
                f"  expected  {record.texts[:12]}, of the texts that the scores were computed"
                " from\n"
                f"  mend      restore the file, or repeat the record's command{fresh}"
            )
    return texts


def texts_match(record: Record, folder: Path) -> bool:
    """Whether the texts on disk are those that the record was made from; old ones do not say."""
    try:
        texts = read_predictions(folder)
    except DataError:
        return False
    return record.texts in (None, texts_digest(texts))


def last_of_each(texts: Iterable[Prediction]) -> list[Prediction]:
    """The last of the texts of each example and sample."""
    return list({(text.id, text.sample): text for text in texts}.values())


def checked(text: Prediction) -> Prediction:
    """The text with its checksum."""
    return replace(text, check=_check(text))


def is_intact(text: Prediction) -> bool:
    """Whether a text is what was generated; texts of earlier versions have no checksum."""
    return text.check in ("", _check(text))


def _check(text: Prediction) -> str:
    """Twelve hex digits over the fields that are not at their defaults."""
    values = {
        each.name: getattr(text, each.name)
        for each in dataclasses.fields(text)
        if each.name != "check" and getattr(text, each.name) != each.default
    }
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]


def texts_digest(predictions: Iterable[Prediction]) -> str:
    """sha256 of all texts with their ids and samples, whatever their order."""
    texts = sorted((text.id, text.sample, text.output) for text in predictions)
    return json_sha256(*texts)


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """Folders of runs at or below the given paths, in order; links to folders are followed. Raises
    DataError if there are none.

    Old runs in dated folders, from before inputs changed, are included only if named explicitly.
    """
    found: dict[Path, Path] = {}  # by its real path, as paths may overlap and links may lead to one
    for path in paths:
        here = (
            [path]
            if (path / RECORD).is_file()
            else sorted(folder for folder in _recorded_below(path) if not is_dated(folder))
        )
        if not here:
            raise DataError(
                f"{path}: no {RECORD} here or below; expected a run or a folder of runs"
            )
        for folder in here:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def _recorded_below(path: Path) -> Iterator[Path]:
    """Folders with a record, links followed; each once, by its own path rather than a link's."""
    waiting, seen = [path], set[Path]()
    while waiting:
        for name, below, files in os.walk(waiting.pop(0)):
            folder = Path(name)
            if (real := folder.resolve()) in seen:
                below.clear()
                continue
            seen.add(real)
            waiting += [folder / each for each in below if (folder / each).is_symlink()]
            if RECORD in files:
                yield folder


def only_run(folder: Path) -> Path | None:
    """The run in a folder, floors aside; None if there are several.

    Raises DataError if there is none.
    """
    if (folder / RECORD).is_file():
        return folder
    found = [each for each in find_runs([folder]) if not each.parent.name.startswith("floor-")]
    return found[0] if len(found) == 1 else None
