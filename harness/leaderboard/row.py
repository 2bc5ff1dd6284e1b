"""A run's record as a submission, with what a board shows and a rerun needs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from harness.errors import DataError, UsageError
from harness.leaderboard.schema import (
    Backbone,
    Costs,
    Counts,
    Examples,
    Metric,
    Run,
    Slice,
    Submission,
    Test,
)
from harness.leaderboard.scores import Numbers
from harness.record import Estimate, ModelInfo, Record
from harness.record.reading import explained
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
    return Test(
        task=settings.task,
        setting=settings.data.setting,
        tier=settings.preset,
        fingerprint=split.fingerprint,
        examples=len(split.examples),
        users=len({example.user_id for example in split.examples}),
        max_new_tokens=settings.decode.max_new_tokens,
        temperature=settings.decode.temperature,
        top_p=settings.decode.top_p,
        top_k=settings.decode.top_k,
        repetition_penalty=settings.decode.repetition_penalty,
        samples=settings.decode.samples,
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
    values: dict[str, Any] = {
        "id": words.id or f"{record.method}-{record.run_id}".lower(),
        "name": words.name or record.method,
        "by": words.by,
        "link": words.link,
        "note": words.note,
        "method": record.method,
        "test": test,
        "n": {key: getattr(record.n, key) for key in Counts.model_fields},
        "metrics": found.metrics,
        "slices": found.slices,
        "likelihood_slices": tuple(
            Slice(start=row.start, examples=row.examples, **_ends(row))
            for row in (likelihood.slices if likelihood else ())
        ),
        "examples": Examples(
            ids=found.ids, users=found.users, scores=found.scores, without=found.without
        ),
    }
    try:
        return Submission(
            **values,
            backbone=_backbone(record.backbone),
            run=_run(record, settings),
            costs=_costs(record),
            likelihood=Metric(**_ends(likelihood), signature=likelihood.signature)
            if likelihood
            else None,
        )
    except ValidationError as error:
        raise UsageError(explained("submission", error)) from None


def _backbone(found: ModelInfo) -> Backbone:
    if found.name is None or found.parameters is None:
        raise DataError(
            "the record names no backbone; expected a method that starts from one of `backbones`"
        )
    reasoner = found.reasoner and found.reasoner.name
    return Backbone(
        name=_public(found.name),
        revision=found.revision,
        quantization=found.quantization,
        parameters=found.parameters,
        reasoner=reasoner and _public(reasoner),
        method_parameters=found.method_parameters,
    )


def _run(record: Record, settings: RunSettings) -> Run:
    return Run(
        run_id=record.run_id,
        seed=record.seed,
        command=public_command(record.command),
        started=record.started,
        harness=record.code.version,
        commit=record.code.commit,
        clean=record.code.clean,
        packages=dict(record.packages),
        settings={key: _setting(value) for key, value in flat(settings.model_dump(mode="json"))},
    )


def _costs(record: Record) -> Costs:
    """Costs; hidden tokens are those generated or thought before a text, as a mean over texts."""
    training, inference = record.training, record.inference
    hidden = 0.0
    if inference is not None:
        written = inference.preface_tokens / max(record.n.planned, 1)
        hidden = inference.latent_thoughts_per_text + written
    return Costs(
        device=record.device.accelerator or record.device.device,
        dtype=record.device.dtype,
        threads=record.device.threads,
        training_s=training and training.seconds_total,
        first_token_s=inference and inference.time_to_first_token_s,
        tokens_per_s=inference and inference.tokens_per_s,
        peak_memory_mib=record.peak_memory_mib,
        hidden_tokens=hidden,
    )


def _ends(row: Estimate) -> dict[str, float | None]:
    return {"value": row.value, "low": row.low, "high": row.high}


def _setting(value: Any) -> Any:
    """A setting as rows store it: lists as tuples, local paths reduced to their last name."""
    if isinstance(value, list):
        return tuple(_setting(one) for one in value)
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
