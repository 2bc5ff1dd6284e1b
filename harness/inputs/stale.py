"""Is a finished run still that of its command? What changed since, and the run of old inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.inputs import provenance
from harness.record import RECORD, Record, read_record
from harness.record.dated import is_dated
from harness.record.inputs import Change, Inputs, changes
from harness.settings import RunSettings

REQUEST = "request.txt"
"""In a run's folder: the digest of what was asked for, whatever the inputs were."""
SHOWN = 6
"""Changes that a message names one by one."""


@dataclass(frozen=True)
class Since:
    """What changed since a run: `rerun` and `rescore` ask for work, `named` is only said."""

    rerun: tuple[Change, ...]
    rescore: tuple[Change, ...]
    named: tuple[str, ...]


def request_digest(settings: RunSettings, method: str) -> str:
    """sha256 over a method's name and all settings: two runs of one command have the same."""
    return hashlib.sha256(json.dumps([method, settings.digest()]).encode()).hexdigest()


def runs_of_request(settings: RunSettings, method: str, results: Path) -> Iterator[Path]:
    """Folders of complete or begun runs of one command, dated ones left out."""
    wanted = request_digest(settings, method)
    beside = results / settings.task / method
    for folder in sorted(beside.iterdir()) if beside.is_dir() else ():
        file = folder / REQUEST
        if is_dated(folder) or not file.is_file() or not (folder / RECORD).is_file():
            continue
        if file.read_text(encoding="utf-8", errors="replace") == wanted:
            yield folder


def since(record: Record, now: Inputs) -> Since:
    """What differs from the inputs of a record that has some."""
    assert record.inputs is not None
    found = list(changes(record.inputs, now))
    tools = provenance.packages()
    packages = [
        f"{name} {record.packages[name]} → {tools.get(name, 'absent')}"
        for name in record.packages
        if record.packages[name] != tools.get(name)
    ]
    return Since(
        tuple(each for each in found if each.then == "rerun"),
        tuple(each for each in found if each.then == "rescore"),
        (*(each.name for each in found if each.then == "name"), *packages),
    )


def listed(found: Sequence[object]) -> str:
    """Changes for a message: the first ones by name, then how many more."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join([*map(str, found[:SHOWN]), *more])


def changed_message(folder: Path, found: Since) -> str:
    """What is said where the inputs of a complete run are others now."""
    changed = listed((*found.rerun, *found.rescore))
    return f"{folder}: inputs changed since this run: {changed}. Running again"


def named_message(folder: Path, found: Since) -> str | None:
    """What is said of changed code and packages, which ask for nothing."""
    if not found.named:
        return None
    return (
        f"{folder}: code or packages changed since this run: {listed(found.named)}. These are the"
        " numbers of then; --fresh runs it again"
    )


OLD = "its record is from before inputs were kept, so whether they changed is not known"


def earlier_run(folder: Path, settings: RunSettings, method: str) -> tuple[Path, Record] | None:
    """A complete run of the same command with other data or another plugin, hence another name."""
    for other in runs_of_request(settings, method, folder.parents[2]):
        if other != folder:
            record = read_record(other)
            if record.status == "complete" and record.inputs is not None:
                return other, record
    return None
