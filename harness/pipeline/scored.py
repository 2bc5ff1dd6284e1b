"""Records of texts that no run made: predictions from elsewhere, and floors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harness.data import describe_source
from harness.data.floors import floors
from harness.data.load import has_split, load_train, skylines
from harness.errors import DataError
from harness.inputs import provenance
from harness.inputs.metrics import metric_input
from harness.pipeline.evaluate.text_views import evaluate_authors, evaluate_texts
from harness.pipeline.evaluate.texts import metrics_of
from harness.record import (
    PREDICTIONS,
    Counts,
    DeviceInfo,
    ModelInfo,
    Outcome,
    Record,
    SplitInfo,
    blank,
    record_there,
    texts_digest,
    texts_match,
    write_lines,
    write_record,
)
from harness.record.digest import json_sha256
from harness.record.inputs import Inputs
from harness.record.state import Say
from harness.registry import find
from harness.settings import RunSettings
from harness.types import Prediction, SplitData

NO_MACHINE = DeviceInfo(device="none", dtype="none", threads=0)
"""The device of texts whose making was not seen."""
FLOOR_VERSION = 1
"""Increase it when a floor's texts change, so that stored ones are made again."""


@dataclass(frozen=True)
class Source:
    """Where texts come from.

    name: what tables call them.
    kind: as in a record.
    key: what the texts depend on; hashed into the run's name.
    command: the command line that records them.
    """

    name: str
    kind: Literal["scored", "floor"]
    key: object
    command: str = ""


def record_texts(
    source: Source,
    texts: Mapping[str, str],
    settings: RunSettings,
    test: SplitData,
    results: Path,
) -> Outcome:
    """Score texts, and leave a record and predictions as a run does.

    source: where they come from.
    texts: example id → text; an example without one is scored as empty and counted as failed.
    settings: of data and evaluation.
    test: the split.
    results: the folder of all runs.

    A record of the same texts, data, settings and metrics is only read; a damaged one, and one that
    other files or tools of a metric scored, is made again.
    """
    folder = results / settings.task / source.name / _run_id(source, settings, test)
    earlier = record_there(folder, lambda message: None)
    if earlier is not None and _is_current(earlier, folder, settings):
        return Outcome(earlier, folder, repeated=True)
    return Outcome(_record(source, texts, settings, test, folder), folder, repeated=False)


def _record(
    source: Source,
    texts: Mapping[str, str],
    settings: RunSettings,
    test: SplitData,
    folder: Path,
) -> Record:
    """Score texts and write their record to `folder`; otherwise as `record_texts`."""
    absent = [example.id for example in test.examples if example.id not in texts]
    record = Record(
        run_id=folder.name,
        method=source.name,
        kind=source.kind,
        task=settings.task,
        status="failed" if absent else "complete",
        command=source.command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        settings={
            key: value
            for key, value in settings.model_dump(mode="json").items()
            if key in ("task", "seed", "data", "eval")
        },
        seed=settings.seed,
        code=provenance.code(),
        packages=provenance.packages(),
        device=NO_MACHINE,
        data=replace(
            describe_source(settings, {test.split: test}), splits={test.split: SplitInfo.of(test)}
        ),
        backbone=ModelInfo(),
        n=Counts(
            planned=len(test.examples),
            scored=len(test.examples),
            failed=len(absent),
            empty=sum(blank(texts.get(one.id, "")) for one in test.examples),
        ),
        inputs=_inputs(settings),
    )
    record = evaluate_texts(record, test, [texts], settings.eval)
    if settings.eval.authors:
        record = evaluate_authors(record, test, [texts], settings.eval)
    predictions = _predictions(texts, test)
    record = replace(record, texts=texts_digest(predictions))
    write_lines(folder / PREDICTIONS, predictions)
    write_record(record, folder)
    return record


def record_floors(
    settings: RunSettings, test: SplitData, results: Path, say: Say = lambda text: None
) -> list[Outcome]:
    """The records of every floor, made unless they exist, intact and up to date.

    settings: of data and evaluation; limits on training examples do not change floors.
    test: the split that they are floors of.
    results: the folder of all runs.
    say: takes a message on floors that are left out: if training data are there and cannot be used,
        and if a newer harness recorded one, which stays.

    Without training data only the copies of profile entries are made. On the built-in benchmark the
    skyline is recorded with them.
    """
    train = _train_split(settings, test, say)
    seedless = settings.model_copy(update={"seed": 0})
    source = Source("", "floor", [FLOOR_VERSION, train.fingerprint])
    run_id = _run_id(source, seedless, test)  # the same for all: a name is no part of it
    found = []
    of_data = floors(find("task", settings.task), test, train, say)
    for floor in of_data + skylines(settings.data, test):
        folder = results / settings.task / floor.name / run_id
        command = f"(computed from the data: {floor.meaning})"
        try:
            known = record_there(folder, lambda message: None)
        except DataError as error:
            say(f"{floor.name} is left out: {error}")
            continue
        # the command says what the texts are: another one has other texts
        if known and known.command == command and _is_current(known, folder, settings):
            found.append(Outcome(known, folder, repeated=True))
            continue
        named = replace(source, name=floor.name, command=command)
        made = _record(named, floor.texts(), seedless, test, folder)
        found.append(Outcome(made, folder, repeated=False))
    return found


def _train_split(settings: RunSettings, test: SplitData, say: Say) -> SplitData:
    """The whole training split; an empty one where the source has none that can be used.

    In the user setting it cannot if it shares users with the test split.
    """
    try:
        return load_train(settings, test.split)
    except DataError as error:
        if has_split(settings, "train"):
            reason = ": ".join(" ".join(line.split()) for line in str(error).split("\n")[:2])
            say(f"floors that need training texts are left out, as these cannot be used: {reason}")
    return replace(test, split="train", examples=(), references={}, fingerprint="")


def _is_current(record: Record, folder: Path, settings: RunSettings) -> bool:
    """Whether the texts are the record's, and its metrics' files and tools those of today.

    A record before inputs were kept does not say which they were: it stands.
    """
    known = record.inputs is None or record.inputs.metrics == _inputs(settings).metrics
    return known and texts_match(record, folder)


def _inputs(settings: RunSettings) -> Inputs:
    """The only outside inputs of a score: the metrics, by their files and tools."""
    return Inputs(metrics={name: metric_input(name) for name in settings.eval.metrics})


def _run_id(source: Source, settings: RunSettings, test: SplitData) -> str:
    """The seed, then a hash of the texts' origin, the examples, and how they are scored."""
    signatures = [metric.signature for metric in metrics_of(test, settings.eval)]
    evaluation = settings.eval.model_dump(mode="json", include={"slices", "authors", "resamples"})
    ids = [example.id for example in test.examples]
    parts = (source.kind, source.key, test.fingerprint, ids, signatures, evaluation)
    return f"s{settings.seed}-{json_sha256(*parts)[:12]}"


def _predictions(texts: Mapping[str, str], test: SplitData) -> list[Prediction]:
    return [
        Prediction(
            id=one.id,
            user_id=one.user_id,
            output=texts.get(one.id, ""),
            tokens=0,
            fingerprint="",
            error=None if one.id in texts else "no text was given",
        )
        for one in test.examples
    ]
