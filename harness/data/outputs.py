"""Predictions made elsewhere: lines or an array of {"id","output"}, or LongLaMP's format."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.data.compressed import decompressed
from harness.data.row_models import OutputModel
from harness.errors import DataError
from harness.record import strict_json
from harness.types import SplitData

ROW = '{"id": "…", "output": "…"}'


@dataclass(frozen=True)
class Outputs:
    """Predictions as read: their file, its sha256, and id → text.

    errors: id → why a text could not be made; it is in `texts` no more than one without a line.
    """

    path: Path
    sha256: str
    texts: Mapping[str, str]
    errors: Mapping[str, object]


def read_outputs(path: Path, task: str) -> Outputs:
    """Read lines or one array of {"id","output"}, or LongLaMP's {"task","golds":[{"id","output"}]}.

    A file that ends in .gz or .zst is decompressed.

    Raises DataError naming file, line (or row, or golds index) and field for anything else, for
    repeated ids, and for a LongLaMP file of another task.
    """
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; expected a file of predictions") from None
    found: dict[str, str] = {}
    errors: dict[str, object] = {}
    places: dict[str, str] = {}
    for place, row in _rows(path, decompressed(BytesIO(stored), path).read(), task):
        text = _text(place, row)
        if text.id in places:
            raise DataError(
                f"{place}: id {text.id!r} is already at {places[text.id]}; expected one"
                " text per example. Remove one of the two"
            )
        places[text.id] = place
        if text.error:
            errors[text.id] = text.error
        else:
            found[text.id] = text.output
    return Outputs(path, sha256(stored).hexdigest(), found, errors)


def _text(place: str, row: object) -> OutputModel:
    """One prediction. Raises DataError naming the field that is wrong."""
    if not isinstance(row, Mapping):
        raise DataError(
            f"{place}: found {type(row).__name__}; expected an object with id, output."
            f" Write one {ROW} for each text"
        )
    try:
        return OutputModel.model_validate(row)
    except ValidationError as error:
        item = error.errors()[0]
    field = item["loc"][0]
    shown = "missing" if item["type"] == "missing" else f"found {item['input']!r:.60}"
    if item["type"] == "value_error":
        expected, mend = item["msg"].removeprefix("Value error, "), "Correct the text, or remove it"
    else:
        expected, mend = "text", f"Write both fields in quotes: {ROW}"
    raise DataError(f"{place}, field {field}: {shown}; expected {expected}. {mend}")


def _rows(path: Path, raw: bytes, task: str) -> Iterator[tuple[str, Any]]:
    """(place, JSON value) of every prediction; a byte order mark at the start is skipped."""
    from harness.data.json_array import array_elements
    from harness.data.json_lines import numbered_lines

    whole, raw = None, raw.removeprefix(codecs.BOM_UTF8)
    if raw.lstrip().startswith(b"["):
        for _, place, value in array_elements(BytesIO(raw), path):
            yield place, value
        return
    if raw.lstrip().startswith(b"{"):
        try:
            whole = strict_json.loads(raw)
        except (json.JSONDecodeError, UnicodeDecodeError):
            whole = None  # more than one line, each parsed below
        except ValueError as error:
            raise DataError(
                f"{path}: {error}; expected JSON with no key repeated. Correct the file"
            ) from None
    if isinstance(whole, dict) and "golds" in whole:
        named = str(whole.get("task", ""))
        if named and named != task and not named.startswith(task):
            raise DataError(
                f"{path}: predictions of task {named!r}; expected {task!r}. Give its task"
                " with --task, or another file"
            )
        if not isinstance(whole["golds"], list):
            raise DataError(
                f"{path}, field golds: found {type(whole['golds']).__name__}; expected a list of"
                f" objects with id, output. Write [{ROW}, …]"
            )
        for index, row in enumerate(whole["golds"]):
            yield f"{path} golds[{index}]", row
        return
    for number, value in numbered_lines(raw.split(b"\n"), path):
        yield f"{path} line {number}", value


def outputs_for(
    outputs: Outputs, test: SplitData, whole: SplitData, allow_missing: bool
) -> dict[str, str]:
    """The texts of the examples of `test`.

    outputs: the predictions.
    test: the examples to score, after `--limit`.
    whole: the same split without a limit.
    allow_missing: examples may lack a text.

    Raises DataError if an id is not in the whole split, or if an example has no text.
    """
    path, texts = outputs.path, outputs.texts
    unknown = [key for key in (*texts, *outputs.errors) if key not in whole.references]
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} ids are not in the {test.split} split, e.g. {unknown[0]!r};"
            f" its ids look like {test.examples[0].id!r} (`harness list examples --json`)"
        )
    missing = [example.id for example in test.examples if example.id not in texts]
    if missing and not allow_missing:
        error = outputs.errors.get(missing[0])
        why = f", whose line has error {error!r:.100}" if error else ""
        raise DataError(
            f"{path}: {len(missing)} of {len(test.examples)} examples have no prediction, e.g."
            f" {missing[0]!r}{why}; --allow-missing scores them as empty"
        )
    return {key: text for key, text in texts.items() if key in test.references}
