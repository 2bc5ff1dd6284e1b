"""A run whose model is on this machine: its training, its texts, and what evaluates them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from harness.engine.devices import place
from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import return_freed_memory
from harness.engine.trial import refuse_wrong_ways
from harness.inputs import provenance
from harness.method import Method
from harness.pipeline.attempt import Attempt
from harness.pipeline.evaluate.evaluation import evaluate, evaluate_model
from harness.pipeline.evaluate.kept_values import VALUES, KeptValues
from harness.pipeline.generate import generate_all
from harness.pipeline.job import MAIN, PHASES, Generated, Job, Trained
from harness.pipeline.kept_training import drop_training
from harness.pipeline.method_training import unused_reasoner
from harness.pipeline.needs import refuse_long_tests
from harness.pipeline.opening import opening
from harness.pipeline.repeated import refuse_changed_meanwhile, set_aside
from harness.pipeline.reuse import adopt_training, begin_training, training_key
from harness.pipeline.together import adapt, build, fingerprint, settle
from harness.pipeline.training import train_or_load
from harness.record import DeviceInfo, ModelInfo, Record
from harness.record.inputs import MODELS


def local(attempt: Attempt) -> Generated | Record:
    """Load the model, train it, generate; the record alone where the run stops after training."""
    job, phases = attempt.job, attempt.phases
    plan = job.plan
    # 1. the base model
    with phases("loading"), job.bars.waiting("loading the model"):
        return_freed_memory()
        lm, record = _load(attempt)
        return_freed_memory()
    phases.keep(plan.folder / PHASES, job.bars.say)
    # 2. training; trackers start once it is known whether an earlier one goes on
    training = machine = None
    if plan.method.trains:
        with phases("training"):
            machine = _begin(job, record.backbone, attempt.fresh)
    job.trackers.start(plan)
    if plan.method.trains:
        with phases("training"):
            lm, training = train_or_load(job, lm)
            training = replace(training, machine=machine)
    if attempt.until == "trained":
        return replace(record, training=training)
    # 3. the model that generates
    with phases("fingerprints"):
        return_freed_memory()
        job.everywhere(settle, MAIN)
    if type(plan.method).adapt is not Method.adapt:
        with phases("users"):
            job.everywhere(adapt, MAIN)
    with phases("fingerprints"):
        weights = job.everywhere(fingerprint, MAIN)
    # 4. its texts
    with phases("writing"):
        texts, inference = generate_all(job, lm, weights)
    record = replace(
        record,
        backbone=replace(record.backbone, weights=weights),
        training=training,
        inference=inference,
    )
    kept = KeptValues(plan.folder / VALUES, _common(job, weights), job.bars.say)
    trained = Trained(job, lm, texts, kept)
    return Generated(texts, record, partial(evaluate, trained), partial(evaluate_model, trained))


def _load(attempt: Attempt) -> tuple[PersonalLM, Record]:
    """The base model on its devices, checked, and the record as it is before any work.

    An unfinished run that began with other weights starts again; its texts are known by the weights
    that made them, as is what the method has stored.
    """
    job, earlier = attempt.job, attempt.earlier
    plan, say = job.plan, job.bars.say
    lm, backbone = job.everywhere(build, MAIN, job.hardware.types)
    refuse_long_tests(plan, lm)
    refuse_changed_meanwhile(plan)
    if earlier is None:
        set_aside(job)
    method, taken = plan.method.name, backbone.reasoner is not None
    if message := unused_reasoner(method, plan.method, plan.settings, taken):
        say(message)
    if earlier is not None and _weights(earlier.backbone) != _weights(backbone):
        say(f"{plan.folder}: the backbone's weights changed; starting this run again")
        drop_training(plan.folder)
        (plan.folder / PHASES).unlink(missing_ok=True)
    record = opening(job, attempt.command, backbone)
    place(lm, job.hardware.devices)
    refuse_wrong_ways(
        lm,
        method,
        trains=plan.method.trains,
        checkpointing=plan.settings.train.gradient_checkpointing,
        views=sorted({view for prompt in plan.test_prompts for view in prompt.views}),
    )
    return lm, record


def _begin(job: Job, backbone: ModelInfo, fresh: bool) -> DeviceInfo | None:
    """Begin a training, or reuse one that has the same key; see `begin_training`.

    job: the run.
    backbone: what its base model was built from.
    fresh: reuse no training of another run.
    """
    key = training_key(job, _weights(backbone))
    machine = begin_training(job, key, _weights(backbone))
    if not fresh:
        adopt_training(job, key)
    return machine


def _weights(model: ModelInfo) -> list[str | None]:
    """Fingerprints of the backbones in a record."""
    return [model.fingerprint, model.reasoner.fingerprint if model.reasoner else None]


def _common(job: Job, weights: str) -> list[object]:
    """What every value of an evaluation depends on. weights: fingerprint of the model's."""
    return [
        weights,
        job.plan.settings.digest(),
        job.plan.inputs.digest(*MODELS),
        [*map(str, job.hardware.devices), str(job.hardware.dtype), str(job.hardware.generation)],
        provenance.evaluation_sha256(type(job.plan.method), job.plan.settings.method),
        provenance.engine_versions(),
    ]
