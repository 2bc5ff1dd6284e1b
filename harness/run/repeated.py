"""A command given again: show its run, score it anew, or set it aside and run again."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

from harness.engine.checkpoint import WEIGHTS, load_weights
from harness.engine.clock import Phases
from harness.engine.devices import cast, devices, number_type, place
from harness.engine.lm import PersonalLM
from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.stale import (
    OLD,
    changed_message,
    earlier_run,
    listed,
    named_message,
    since,
)
from harness.progress import Bars
from harness.record import (
    PREDICTIONS,
    RECORD,
    Outcome,
    Record,
    read_predictions,
    record_there,
    write_record,
)
from harness.record.dated import dated, move_aside
from harness.record.inputs import MODELS, Inputs, changes
from harness.run.evaluate.texts import samples_of
from harness.run.evaluate.views import measure, measure_scores
from harness.run.plan import Plan
from harness.run.training import Hardware

SCORING = ("sacrebleu", "rouge-score", "nltk")
"""Packages whose versions are those of the scoring."""


def shown_again(
    plan: Plan, found: Record, build: Callable[[], PersonalLM], bars: Bars
) -> Outcome | None:
    """The complete run in the plan's folder, where its inputs are what they were.

    Where only metrics changed it is scored anew from its texts. None where it must run again,
    which is said. build: the method's untrained model.
    """
    if found.inputs is None:
        bars.say(f"{plan.folder}: {OLD} (--fresh runs it again)")
        return Outcome(found, plan.folder, repeated=True)
    what = since(found, plan.inputs)
    if not what.rerun and not what.rescore:
        if told := named_message(plan.folder, what):
            bars.say(told)
        return Outcome(found, plan.folder, repeated=True)
    if not what.rerun:
        record = rescored(plan, found, build, bars)
        if record is not None:
            kept = _copy_aside(plan.folder)
            write_record(record, plan.folder)
            bars.say(
                f"{plan.folder}: its metrics changed: {listed(what.rescore)}. Texts and weights are"
                f" kept and scored again; the old record is kept in {kept.name}"
            )
            return Outcome(record, plan.folder, repeated=False)
    bars.say(changed_message(plan.folder, what))
    return None


def set_aside(plan: Plan, bars: Bars) -> None:
    """Give the complete run that this one takes the place of its dated name.

    It lies in the plan's folder, or where other data or another plugin gave it another run's name.
    """
    there = record_there(plan.folder)
    if there is not None and there.status == "complete":
        replaced = plan.folder
    else:
        earlier = earlier_run(plan.folder, plan.settings, plan.method.name)
        if earlier is None:
            return
        replaced, record = earlier
        bars.say(changed_message(replaced, since(record, plan.inputs)))
    kept = move_aside(replaced)
    bars.say(f"{replaced}: the old record and its texts are kept in {kept.name}")


def rescored(
    plan: Plan, record: Record, build: Callable[[], PersonalLM], bars: Bars
) -> Record | None:
    """The record with its scores made anew from the texts on disk; no text is generated for them.

    Views that generate texts of their own to score them (continuations, profile swaps, thought
    replacement) need the weights. None where texts or weights were not kept.
    """
    predictions = read_predictions(plan.folder)
    options = plan.settings.eval
    if len(predictions) != len(plan.test.examples) * plan.settings.decode.samples:
        return None
    if options.forced or "texts" in options.lift or options.controls:
        weights = plan.folder / WEIGHTS
        if plan.method.trains and not weights.is_file():
            return None
        lm = build()
        where = devices(plan.settings.model)
        hardware = Hardware(where, number_type(plan.settings.model, where[0]))
        place(lm, where)
        if plan.method.trains:
            load_weights(lm, weights)
        cast(lm, hardware.dtype)
        with bars:
            measured = measure(record, plan, lm, predictions, hardware, Phases(), bars)
    else:
        measured = measure_scores(record, plan, samples_of(predictions))
    now = provenance.packages()
    return dataclasses.replace(
        measured,
        inputs=dataclasses.replace(plan.inputs, code=record.inputs.code if record.inputs else {}),
        packages={**record.packages, **{name: now[name] for name in SCORING if name in now}},
    )


def refuse_changed_meanwhile(plan: Plan, before: Inputs) -> None:
    """Raises UsageError where a model's file changed between its hash `before` and its reading.

    What a hub model's snapshot was before loading does not count: it may have been downloaded.
    """
    now = plan.inputs_now()
    local = {name: _is_folder(plan, name) for name in MODELS}
    found = [
        each for each in changes(before, now) if each.kind == "plugins" or local.get(each.kind)
    ]
    if found:
        raise UsageError(
            f"{listed(found)} while it was read; expected files that nobody writes during a run."
            " Wait until they are written, then give the same command again"
        )
    plan.inputs = _with_models(before, now)


def _is_folder(plan: Plan, kind: str) -> bool:
    settings = plan.settings
    name = {
        "backbone": settings.model.backbone,
        "reasoner": settings.model.reasoner,
        "dense_model": settings.retrieval.dense_model,
    }[kind]
    return name is not None and Path(name).expanduser().is_dir()


def _with_models(inputs: Inputs, now: Inputs) -> Inputs:
    return dataclasses.replace(inputs, **{name: getattr(now, name) for name in MODELS})


def _copy_aside(folder: Path) -> Path:
    """The record and its texts under a dated name; the folder keeps its own, with its weights."""
    kept = dated(folder)
    kept.mkdir()
    for name in (PREDICTIONS, RECORD):
        shutil.copy2(folder / name, kept / name)
    return kept
