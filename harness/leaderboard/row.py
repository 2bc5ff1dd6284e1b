"""A run's record as a submission, with what a board shows and a rerun needs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace

from harness.errors import DataError
from harness.leaderboard.recomputed import Numbers
from harness.leaderboard.submission import (
    Backbone,
    Costs,
    Counts,
    Metric,
    Run,
    Slice,
    Submission,
    Test,
)
from harness.record import Record
from harness.settings import RunSettings
from harness.settings.flat import flat
from harness.types import SplitData

_TOP = r"(?:~|\.{0,2})/"
FOLDERS = re.compile(
    rf"""(?<="){_TOP}(?:[^"]*/)?(?=[^"])|(?<='){_TOP}(?:[^']*/)?(?=[^'])"""
    rf"""|(?:^|(?<==)|(?<=:)(?!//[^/])){_TOP}(?:.*/)?(?=.)""",
    re.DOTALL,
)
"""The folders before the last name of a path that starts with /, ./, ../ or ~/: at the start of a
word, after = or : (not in https://), or within quotation marks."""


@dataclass(frozen=True)
class Words:
    """The submitter's words on a row. Defaults: the method's name, and an id from the run."""

    by: str
    name: str | None = None
    link: str | None = None
    note: str = ""
    id: str | None = None


def test_of(settings: RunSettings, split: SplitData) -> Test:
    """The test set and its rules, the same for all rows of a board."""
    return Test.of(
        settings.decode,
        task=settings.task,
        setting=settings.data.setting,
        tier=settings.preset,
        fingerprint=split.fingerprint,
        examples=len(split.examples),
        users=split.user_count,
    )


def submission_of(
    record: Record, settings: RunSettings, test: Test, found: Numbers, words: Words
) -> Submission:
    """The submission of a record.

    record, settings, test: the run, and the board's test set.
    found: the numbers recomputed from the texts.
    words: the submitter's words.

    Raises UsageError with the name of a bad field.
    """
    likelihood = record.likelihood if record.likelihood and record.likelihood.value else None
    return Submission.of(
        words,
        kind=record.kind,
        id=words.id or f"{record.method}-{record.run_id}".lower(),
        name=words.name or record.method,
        method=record.method,
        test=test,
        backbone=_backbone(record),
        run=Run.of(
            record,
            command=public_command(record.command),
            harness=record.code.version,
            commit=record.code.commit,
            clean=record.code.clean,
            packages=dict(record.packages),
            settings=_settings(record, settings),
        ),
        n=Counts.of(record.n),
        metrics=found.metrics,
        slices=found.slices,
        likelihood=Metric.of(likelihood) if likelihood else None,
        likelihood_slices=tuple(map(Slice.of, likelihood.slices if likelihood else ())),
        costs=costs_of(record),
        examples=found.examples,
    )


def _backbone(record: Record) -> Backbone:
    found = record.backbone
    if record.kind == "scored":
        return Backbone(name="unknown", parameters=None)
    if found.api is not None:
        raise DataError(
            f"the record is of a model behind an API ({found.api.url}), whose weights cannot be"
            " checked; expected a run from weights, or texts made elsewhere: harness score TEXTS"
            " --name NAME"
        )
    if found.name is None or found.parameters is None:
        raise DataError(
            "the record names no backbone; expected a method that starts from one of `backbones`"
        )
    reasoner = found.reasoner and found.reasoner.name
    return Backbone.of(found, name=_public(found.name), reasoner=reasoner and _public(reasoner))


def costs_of(record: Record) -> Costs:
    """Costs on the record's machine: those of a training elsewhere are left out.

    Hidden tokens are those generated or thought before a text, as a mean over texts.
    """
    if record.training and record.training.machine:
        record = replace(record, training=None)
    training, inference = record.training, record.inference
    hidden = None if record.kind == "scored" else 0.0
    if inference is not None:
        generated = inference.preface_tokens / max(record.n.planned * record.samples, 1)
        hidden = inference.latent_thoughts_per_text + generated
    return Costs.of(
        record.device,
        device=record.device.accelerator or record.device.device,
        training_s=training and training.seconds_total,
        first_token_s=inference and inference.time_to_first_token_s,
        tokens_per_s=inference and inference.tokens_per_s,
        peak_memory_mib=record.peak_memory_mib,
        hidden_tokens=hidden,
    )


def _settings(record: Record, settings: RunSettings) -> dict[str, object]:
    """The settings by dotted name, without local folders; strings at which texts end stay whole.

    Of texts made elsewhere only those that their record has: how they were decoded is unknown.
    """
    known = set(record.settings) if record.kind == "scored" else None
    return {
        key: tuple(value) if key == "decode.stop" else _setting(value)
        for key, value in flat(settings.model_dump(mode="json", include=known))
    }


def _setting(value: object) -> object:
    """A setting as rows store it: lists as tuples, local paths reduced to their last name."""
    if isinstance(value, list):
        return tuple(_setting(each) for each in value)
    return _public(value) if isinstance(value, str) else value


def public_command(command: str) -> str:
    """A command without local folders. Raises DataError if a shell could not parse it."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise DataError(
            f"command {command!r}: {error}; expected one that a shell can parse"
        ) from None
    return shlex.join(_public(word) for word in words)


def _public(text: str) -> str:
    """A word without the folders before a path's last name; a hub's owner/name is unchanged."""
    return FOLDERS.sub("", text)
