"""One run from settings to record: `harness run` is this function and a table."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.engine.backbone import Backbones, describe, weights_fingerprint
from harness.engine.checkpoint import WEIGHTS
from harness.engine.clock import Phases
from harness.engine.devices import cast, devices, number_type, place
from harness.engine.lm import PersonalLM
from harness.engine.needs import refuse_long_tests
from harness.engine.peak_memory import return_freed_memory
from harness.engine.trial import refuse_wrong_ways
from harness.inputs import provenance
from harness.inputs.stale import REQUEST, request_digest
from harness.progress import Bars
from harness.record import (
    PREDICTIONS,
    RECORD,
    Counts,
    ModelInfo,
    Outcome,
    Record,
    SplitInfo,
    Training,
    record_there,
    write_record,
)
from harness.run.evaluate.views import measure
from harness.run.generate import write_all
from harness.run.plan import Plan
from harness.run.repeated import refuse_changed_meanwhile, set_aside, shown_again
from harness.run.reuse import adopt_training, begin_training, training_key
from harness.run.training import Hardware, trained
from harness.settings import ModelSettings, RunSettings
from harness.types import Prediction

PHASES = "phases.json"
"""What an unfinished run has spent so far."""


def run(
    settings: RunSettings,
    method: str,
    results: Path,
    *,
    command: str = "",
    fresh: bool = False,
    factory: Any = None,
    bars: Bars | None = None,
) -> Outcome:
    """Train, write, score, record. An incomplete run goes on, a complete one is only read.

    Raises HarnessError for anything that the user can mend; what was finished stays on disk.
    """
    bars, phases = bars or Bars(quiet=True), Phases()
    with phases("data"):
        plan = Plan(settings, method, results, factory)
        before = plan.inputs  # hashed before any model is loaded
    if fresh:
        shutil.rmtree(plan.folder, ignore_errors=True)
    found = record_there(plan.folder)
    if found is not None and found.status == "complete":
        shown = shown_again(plan, found, lambda: _build(plan)[0], bars)
        if shown is not None:
            return shown
        found = None
    with bars:
        with phases("prompts"):
            readings = plan.test_readings
            if plan.advice:
                bars.say(plan.advice)
        with phases("loading"):
            return_freed_memory()
            hardware = _hardware(settings)
            lm, backbone = _build(plan)
            refuse_long_tests(plan, lm)
            refuse_changed_meanwhile(plan, before)
            if found is None:
                set_aside(plan, bars)
            asked = settings.model.reasoner
            if asked is not None and backbone.reasoner is None:
                bars.say(f"model.reasoner={asked}: {method} has no reasoner, so it changes nothing")
            if found is not None and _weights(found.backbone) != _weights(backbone):
                bars.say(f"{plan.folder}: begun with other weights of the backbone; begins anew")
                shutil.rmtree(plan.folder)
            record = _opening(plan, command, hardware, backbone)
            place(lm, hardware.devices)
            refuse_wrong_ways(
                lm,
                method,
                trains=plan.method.trains,
                checkpointing=settings.train.gradient_checkpointing,
                views=sorted({view for reading in readings for view in reading.views}),
            )
            return_freed_memory()
        phases.keep(plan.folder / PHASES)
        training = None
        if plan.method.trains:
            with phases("training"):
                key = training_key(plan, _weights(backbone), hardware)
                if begin_training(plan, key, hardware):
                    bars.say(f"{plan.folder}: edited code or other packages since; trains anew")
                origin = None if fresh else adopt_training(plan, key, hardware)
                if origin is not None:
                    bars.say(f"trained before, by {origin}: the same weights (--fresh trains anew)")
                lm, training = trained(plan, lm, lambda: _build(plan)[0], hardware, bars)
        with phases("fingerprints"):
            return_freed_memory()
            place(lm, hardware.devices)
            cast(lm, hardware.dtype)
            weights = weights_fingerprint(lm)
        with phases("writing"):
            predictions, inference = write_all(plan, lm, weights, bars)
        record = replace(
            record,
            status="failed" if any(text.error for text in predictions) else "complete",
            backbone=replace(backbone, weights=weights),
            n=_counts(plan, predictions, training),
            training=training,
            inference=inference,
        )
        record = measure(record, plan, lm, predictions, hardware, phases, bars)
    record = replace(record, phases=phases.seconds, wall_s=phases.wall_s)
    assert len(readings) == record.n.planned
    write_record(record, plan.folder)
    if not settings.train.keep_weights and record.status == "complete":
        (plan.folder / WEIGHTS).unlink(missing_ok=True)
    phases.forget()
    return Outcome(record, plan.folder, repeated=False)


def _hardware(settings: RunSettings) -> Hardware:
    where = devices(settings.model)
    return Hardware(where, number_type(settings.model, where[0]))


class WatchedBackbones(Backbones):
    """Notes which backbones a method asked for, for the record."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        self.info = ModelInfo()

    @property
    def main(self) -> nn.Module:
        model = super().main
        described = describe(self.settings.backbone, model)
        self.info = ModelInfo(**vars(described), reasoner=self.info.reasoner)
        return model

    @property
    def reasoner(self) -> nn.Module:
        model = super().reasoner
        self.info = replace(self.info, reasoner=describe(self.reasoner_name, model))
        return model


def _build(plan: Plan) -> tuple[PersonalLM, ModelInfo]:
    """The method's untrained model, and what the record says of the backbones in it."""
    torch.manual_seed(plan.settings.seed)  # for what a method adds to its backbones
    backbones = WatchedBackbones(plan.settings.model)
    lm = plan.method.build(backbones)
    parameters = sum(part.numel() for part in lm.parameters())
    return lm, replace(backbones.info, text=plan.about_text, method_parameters=parameters)


def _weights(model: ModelInfo) -> list[str | None]:
    """Fingerprints of the backbones that a record tells of."""
    return [model.fingerprint, model.reasoner.fingerprint if model.reasoner else None]


def _opening(plan: Plan, command: str, hardware: Hardware, backbone: ModelInfo) -> Record:
    """The record as far as it is known before any work; on disk it says "running"."""
    record = Record(
        run_id=plan.run_id,
        method=plan.method.name,
        task=plan.settings.task,
        status="running",
        command=command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=plan.settings.model_dump(mode="json"),
        seed=plan.settings.seed,
        code=provenance.code(),
        packages=provenance.packages(),
        device=hardware.machine(),
        data=replace(
            plan.source,
            splits={
                name: SplitInfo(
                    fingerprint=split.fingerprint,
                    examples=len(split.examples),
                    users=len({example.user_id for example in split.examples}),
                    dropped=dict(split.dropped),
                )
                for name, split in plan.splits.items()
            },
        ),
        backbone=backbone,
        n=Counts(planned=len(plan.test.examples)),
        inputs=plan.inputs,
    )
    write_record(record, plan.folder)
    request = request_digest(plan.settings, plan.method.name)
    (plan.folder / REQUEST).write_text(request, encoding="utf-8")
    return record


def _counts(plan: Plan, predictions: list[Prediction], training: Training | None) -> Counts:
    """Counts over test examples; a capped, empty or failed one is counted once over its samples."""

    def texts(wanted: Callable[[Prediction], bool]) -> int:
        return len({text.id for text in predictions if wanted(text)})

    failed = texts(lambda text: text.error is not None)
    return Counts(
        planned=len(plan.test.examples),
        scored=len({text.id for text in predictions}),
        failed=failed,
        empty=texts(lambda text: not text.output.strip()),
        capped=texts(lambda text: text.capped),
        input_cut=sum(bool(reading.cut) for reading in plan.test_readings),
        target_cut=training.target_cut if training else 0,
        tied=sum(reading.tied for reading in plan.test_readings),
    )


def files(folder: Path) -> list[str]:
    """What a run leaves, for the last line on the screen."""
    return [name for name in (RECORD, PREDICTIONS, WEIGHTS) if (folder / name).is_file()]
