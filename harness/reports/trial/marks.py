"""Marks of metrics that failed their trial on the same data, for every page that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import DataError
from harness.metrics.signatures import of_each_sample
from harness.record.reading import from_json
from harness.record.trials import Trial, TriedMetric
from harness.reports.trial.words import MARK, why_failed

FOLDER = "trial"
"""Folder of stored trials: beside the tasks of a results folder, or beside those of boards."""
ABOVE = 3
"""Folders in which it is looked for: the results folder and those that contain it."""


def trials_near(results: Path) -> list[Trial]:
    """The stored trials that belong to a results folder; [] if there are none.

    The harness's own results are in folders of one results folder, which has one trial for all. A
    file that is no trial, or of another version, is not read.
    """
    folders = [results.resolve(), *results.resolve().parents][:ABOVE]
    return [one for folder in folders for one in stored_trials(folder / FOLDER)]


def stored_trials(folder: Path) -> list[Trial]:
    """The trials with the usual seed in a folder."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            trial = from_json(Trial, path.read_bytes(), str(path))
        except (DataError, OSError):
            continue
        found += [trial] if trial.seed == 0 else []
    return found


def failed_metrics(
    trials: Iterable[Trial], fingerprint: str, signatures: Mapping[str, str]
) -> dict[str, TriedMetric]:
    """Metric → its trial, for metrics that failed on these data.

    trials: stored ones, of any data.
    fingerprint: of the test split.
    signatures: metric → how it was computed; only a trial that scored each text alike counts.

    Of several trials with a verdict, the one with the most examples counts.
    """
    own = [trial for trial in trials if trial.fingerprint == fingerprint]
    latest: dict[str, TriedMetric] = {}
    for trial in sorted(own, key=lambda each: each.examples):
        latest |= {
            name: one
            for name, one in trial.metrics.items()
            if one.outcome in ("passes", "fails")
            and one.signature == of_each_sample(signatures.get(name, ""))
        }
    return {name: one for name, one in latest.items() if one.outcome == "fails"}


def mark_note(metric: TriedMetric) -> str:
    """One line: why a metric is marked."""
    return (
        f"{MARK} {metric.title} failed its trial on these data: {why_failed(metric)}. A better"
        " value does not show a more personal text (harness trial)."
    )
