"""Whether a finished run is still up to date, and what changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.inputs import provenance
from harness.record import RECORD, Record, record_there
from harness.record.dated import is_dated
from harness.record.digest import json_sha256
from harness.record.inputs import Change, Inputs, changes
from harness.settings import RunSettings

REQUEST = "request.txt"
"""In a run's folder: the digest of method and settings, independent of the inputs."""
SHOWN = 6
"""Number of changes that a message lists."""


@dataclass(frozen=True)
class Since:
    """What changed since a run: `rerun` and `rescore` require work, `named` only a message."""

    rerun: tuple[Change, ...]
    rescore: tuple[Change, ...]
    named: tuple[str, ...]


def request_digest(settings: RunSettings, method: str) -> str:
    """sha256 over a method's name and all settings: two runs of one command have the same."""
    return json_sha256(method, settings.digest())


def runs_of_request(settings: RunSettings, method: str, results: Path) -> Iterator[Path]:
    """Folders of complete or unfinished runs of one command, without dated ones."""
    request = request_digest(settings, method)
    runs = results / settings.task / method
    for folder in sorted(runs.iterdir()) if runs.is_dir() else ():
        file = folder / REQUEST
        if is_dated(folder) or not file.is_file() or not (folder / RECORD).is_file():
            continue
        if file.read_text(encoding="utf-8", errors="replace") == request:
            yield folder


def chooser(settings: RunSettings, folder: Path) -> Path | None:
    """The folder of the run whose learning rate a run takes; None if it takes none.

    settings, folder: of the run that takes it.
    """
    seed = settings.train.lr_chosen_by(settings.seed)
    return None if seed is None else folder.with_name(f"s{seed}-{folder.name.partition('-')[2]}")


def since(record: Record, now: Inputs, chose: Path | None = None) -> Since:
    """What differs from the inputs in a record, which must have them.

    chose: the folder of the run whose learning rate this one took, if any.
    """
    assert record.inputs is not None
    found = [*_other_rate(record, chose), *changes(record.inputs, now)]
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


def _other_rate(record: Record, chose: Path | None) -> Iterator[Change]:
    """The change if the run in `chose` has trained again since, with another learning rate."""
    chosen = record_there(chose, lambda message: None) if chose else None
    if chosen and chosen.training and record.training:
        before, now = record.training.lr, chosen.training.lr
        if before != now:
            name = f"of {chosen.run_id}"
            yield Change("learning_rate", name, repr(before), repr(now), "rerun")


def listed(found: Sequence[object]) -> str:
    """Changes for a message: the first ones by name, then how many more."""
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join([*map(str, found[:SHOWN]), *more])


def changed_message(folder: Path, found: Since) -> str:
    """The message if inputs of a complete run changed."""
    changed = listed((*found.rerun, *found.rescore))
    return f"{folder}: inputs changed since this run: {changed}. Running again"


def named_message(folder: Path, found: Since) -> str | None:
    """The message about changed code and packages, which require no work; None without changes."""
    if not found.named:
        return None
    return (
        f"{folder}: code or packages changed since this run: {listed(found.named)}. Showing its"
        " old numbers; --fresh runs it again"
    )


OLD = "its record does not list inputs, so whether they changed is unknown"


def earlier_run(folder: Path, settings: RunSettings, method: str) -> tuple[Path, Record] | None:
    """A complete run of the same command under another name, for other data or another plugin."""
    for other in runs_of_request(settings, method, folder.parents[2]):
        if other != folder:
            record = record_there(other, lambda message: None)
            if record and record.status == "complete" and record.inputs is not None:
                return other, record
    return None
