"""A command given again: show its run, rescore it, or move it aside and run again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from harness.engine.clock import Phases
from harness.engine.lm import PersonalLM
from harness.engine.weight_files import WEIGHTS
from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.stale import (
    OLD,
    changed_message,
    chooser,
    earlier_run,
    listed,
    named_message,
    since,
)
from harness.paths import expanded
from harness.pipeline.evaluate.evaluation import evaluate, scores_early
from harness.pipeline.evaluate.profile_swap import swapped_tokens
from harness.pipeline.evaluate.text_views import evaluate_texts
from harness.pipeline.evaluate.texts import samples_of
from harness.pipeline.evaluate.token_lift import unlike_record
from harness.pipeline.job import Job, Trained
from harness.pipeline.kept_training import kept_for_users, model_files
from harness.pipeline.plan import Plan
from harness.record import (
    PREDICTIONS,
    RECORD,
    Outcome,
    Record,
    is_intact,
    last_of_each,
    read_lines,
    read_predictions,
    record_there,
    texts_digest,
    write_lines,
    write_record,
)
from harness.record.dated import beside, dated, move_aside
from harness.record.inputs import MODELS, changes
from harness.record.state import Say
from harness.record.token_file import TOKENS, lacks_tokens, write_tokens
from harness.types import Prediction

SCORING = ("sacrebleu", "rouge-score", "nltk")
"""Packages that scores come from."""


def has_its_texts(record: Record, folder: Path, say: Say) -> bool:
    """Whether a complete record's texts are those that it was made from; True for any other record.

    say: takes a message if they are not. The damaged texts are then removed; so are texts without a
        checksum, of an earlier version, because the damaged ones among them are unknown.
    """
    if record.status != "complete":
        return True
    path, damaged = folder / PREDICTIONS, list[str]()
    texts = last_of_each(read_lines(Prediction, path, damaged.append))
    if record.texts in (None, texts_digest(texts)) and all(map(is_intact, texts)):
        return True
    say(f"{path}: damaged or changed since its record; the missing texts are generated again")
    write_lines(path, [text for text in texts if text.check and is_intact(text)])
    return False


def show_again(job: Job, found: Record) -> Outcome | None:
    """The complete run in the plan's folder, where its inputs are unchanged.

    found: its record on disk.

    Where only metrics changed, the stored texts are scored again. Returns None, with a message,
    where the run must be repeated.
    """
    plan, say = job.plan, job.bars.say
    if found.inputs is None:
        say(f"{plan.folder}: {OLD} (--fresh runs it again)")
        return Outcome(found, plan.folder, repeated=True)
    what = since(found, plan.inputs, chooser(plan.settings, plan.folder))
    if not what.rerun and not what.rescore:
        if message := named_message(plan.folder, what):
            say(message)
        return Outcome(_with_tokens(job, found), plan.folder, repeated=True)
    record = None if what.rerun else rescore(job, found)
    if record is None:
        say(changed_message(plan.folder, what))
        return None
    kept = _copy_aside(plan.folder)
    write_record(record, plan.folder)
    say(
        f"{plan.folder}: its metrics changed: {listed(what.rescore)}. The stored texts were"
        f" scored again; the old record is kept in {kept.name}"
    )
    return Outcome(record, plan.folder, repeated=False)


def set_aside(job: Job) -> None:
    """Move the complete run that this one replaces to a folder with the date in its name.

    It is in the plan's folder, or in another one where it had other data or another plugin. What
    the method has stored `beside` it for this run moves to the plan's folder.
    """
    plan, say = job.plan, job.bars.say
    record_on_disk = record_there(plan.folder, lambda message: None)
    if record_on_disk is not None and record_on_disk.status == "complete":
        replaced = plan.folder
    else:
        earlier = earlier_run(plan.folder, plan.settings, plan.method.name)
        if earlier is None:
            return
        replaced, record = earlier
        say(changed_message(replaced, since(record, plan.inputs)))
    kept, stored = move_aside(replaced), beside(replaced)
    if replaced == plan.folder and stored.is_dir():
        stored.rename(plan.folder)
    plan.method.workspace = plan.folder
    say(f"{replaced}: the old record and texts are kept in {kept.name}")


def rescore(job: Job, record: Record) -> Record | None:
    """The record with the texts on disk scored again; None where texts or weights are missing.

    record: on disk.

    No prediction is generated again. Views that generate texts of their own (continuation, profile
    swap, thought replacement) need the weights.
    """
    plan = job.plan
    predictions = read_predictions(plan.folder)
    options = plan.settings.eval
    if len(predictions) != len(plan.test.examples) * plan.settings.decode.samples:
        return None
    if scores_early(options):
        lm = _trained_model(job, record)
        if lm is None:
            return None
        with job.bars:
            scored = evaluate(Trained(job, lm, predictions), record, Phases())
    else:
        scored = evaluate_texts(record, plan.test, samples_of(predictions), options)
    return scored_with(plan, replace(scored, texts=texts_digest(predictions)))


def scored_with(plan: Plan, record: Record) -> Record:
    """A record whose scores alone are new, with the inputs and packages that they come from."""
    now = provenance.packages()
    return replace(
        record,
        inputs=replace(plan.inputs, code=record.inputs.code if record.inputs else {}),
        packages={**record.packages, **{name: now[name] for name in SCORING if name in now}},
    )


def _trained_model(job: Job, record: Record, mend: str = "") -> PersonalLM | None:
    """The run's model from its stored weights; None where they are missing or others than its.

    record: on disk. mend: ends the message on other weights.
    """
    plan, weights = job.plan, job.plan.folder / WEIGHTS
    if plan.settings.model.api or (plan.method.trains and not weights.is_file()):
        return None
    lm, _ = job.build()
    if not job.load_trained(lm, record, plan.folder):
        job.bars.say(
            f"{plan.folder}: its model is not the record's; it is loaded from"
            f" {model_files(plan.method)}{mend}"
        )
        return None
    return lm


def _with_tokens(job: Job, found: Record) -> Record:
    """The record of a complete run, with `tokens.parquet` made where it is missing or damaged.

    found: on disk.

    It stays as it is without the weights, and where the model gives other likelihoods than those in
    the record, with a message. Nothing else in the record changes.
    """
    folder, say = job.plan.folder, job.bars.say
    if found.lift is None or not lacks_tokens(folder, found):
        return found
    lm = _trained_model(job, found, ". Restore that, or run again with --fresh")
    if lm is None:
        return found
    with job.bars:
        values = swapped_tokens(Trained(job, lm, read_predictions(folder)))
    if fault := unlike_record(values, found):
        kept = kept_for_users(job.plan.method)
        mend = f". If {kept} is gone, restore it, or run again with --fresh" if kept else ""
        say(f"{folder}: no {TOKENS} was made: {fault}{mend}")
        return found
    record = replace(found, lift=replace(found.lift, tokens=write_tokens(folder, values)))
    write_record(record, folder)
    say(f"{folder / TOKENS}: made from the run's weights; no number of the record changed")
    return record


def refuse_changed_meanwhile(plan: Plan) -> None:
    """Raises UsageError where a local model's files or a plugin changed while they were loaded.

    `plan.inputs` are those from before loading. A hub model may have been downloaded meanwhile, so
    its files are not compared.
    """
    before, now = plan.inputs, plan.inputs_now()
    local = {name: _is_folder(plan, name) for name in MODELS}
    found = [
        each for each in changes(before, now) if each.kind == "plugins" or local.get(each.kind)
    ]
    if found:
        raise UsageError(
            f"{listed(found)} while it was read; expected files that do not change during a run."
            " Wait until they are written, then give the same command again"
        )
    plan.inputs = replace(before, **{name: getattr(now, name) for name in MODELS})


def _is_folder(plan: Plan, kind: str) -> bool:
    settings = plan.settings
    name = {
        "backbone": settings.model.backbone,
        "reasoner": settings.model.reasoner,
        "dense_model": settings.retrieval.dense_model,
    }[kind]
    return name is not None and expanded(name).is_dir()


def _copy_aside(folder: Path) -> Path:
    """Copy the record and its texts to a folder with the date in its name; returns that folder."""
    kept = dated(folder)
    kept.mkdir()
    for name in (PREDICTIONS, RECORD):
        shutil.copy2(folder / name, kept / name)
    return kept
