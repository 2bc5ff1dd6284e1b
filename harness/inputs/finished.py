"""Find a finished run by comparing digests, without reading its data or loading a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.data import describe_source
from harness.errors import HarnessError
from harness.inputs.collect import collect
from harness.inputs.origin import Origin
from harness.inputs.stale import Since, chooser, runs_of_request, since
from harness.record import Outcome, Record, record_there, texts_match
from harness.record.token_file import lacks_tokens
from harness.registry import table
from harness.settings import RunSettings


def finished(
    settings: RunSettings, method: str, plugins: Sequence[Path], results: Path
) -> tuple[Outcome, Since] | None:
    """The complete run of these settings with unchanged inputs, and what else changed.

    settings: of the run.
    method: its name.
    plugins: files, one of which may define the method.
    results: the folder of all runs.

    None if there is no such run, if that is unknown without reading the data or importing a plugin,
    or if the run's model still has to make `tokens.parquet`. Imports no torch.
    """
    for folder in runs_of_request(settings, method, results):
        record = record_there(folder, lambda message: None)  # the run itself reports a damaged one
        if record is None or record.status != "complete" or record.inputs is None:
            continue
        if not texts_match(record, folder) or lacks_tokens(folder, record):
            continue
        if not same_files(record, settings):
            continue
        for origin in _origins(method, plugins):
            now = collect(settings, origin, record.inputs.data)
            found = since(record, now, chooser(settings, folder))
            if not found.rerun and not found.rescore:
                return Outcome(record, folder, repeated=True), found
    return None


def same_files(record: Record, settings: RunSettings) -> bool:
    """Whether the data files, or the hub's commit, are those of the record."""
    try:
        now = describe_source(settings)
    except (HarnessError, OSError):
        return False  # the run itself will report the error
    return now == replace(record.data, splits={}, in_train={})


def _origins(method: str, plugins: Sequence[Path]) -> Iterator[Origin]:
    """Where the method's code may begin: its package's module, else one of the plugin files."""
    entry = table("method").get(method)
    if entry is not None and entry.file is None:
        if not entry.rivals:
            yield Origin(entry.target.partition(":")[0])
        return
    yield from (Origin(file=file) for file in plugins if file.is_file())
