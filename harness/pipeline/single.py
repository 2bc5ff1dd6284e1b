"""One run, from settings to record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.engine.checkpoint import WEIGHTS
from harness.engine.clock import Phases
from harness.engine.devices import place
from harness.engine.lm import PersonalLM
from harness.engine.peak_memory import return_freed_memory
from harness.engine.ranks import Ranks
from harness.engine.trial import refuse_wrong_ways
from harness.inputs import provenance
from harness.method import Method
from harness.pipeline.apart import (
    checked_until,
    forget_texts,
    score_ready,
    stop_with_texts,
    texts_ready,
)
from harness.pipeline.evaluate.evaluation import evaluate, evaluate_model
from harness.pipeline.evaluate.kept_values import VALUES, KeptValues
from harness.pipeline.generate import generate_all
from harness.pipeline.job import MAIN, PHASES, Generated, Job, Trained
from harness.pipeline.kept_training import ADAPTERS
from harness.pipeline.lock import locked
from harness.pipeline.needs import refuse_long_tests
from harness.pipeline.opening import opening
from harness.pipeline.plan import Plan
from harness.pipeline.repeated import (
    delete_run,
    has_its_texts,
    refuse_changed_meanwhile,
    set_aside,
    show_again,
)
from harness.pipeline.reuse import adopt_training, begin_training, training_key
from harness.pipeline.scored import record_floors
from harness.pipeline.served.plan import ServedPlan, plan_of, refuse_a_server
from harness.pipeline.served.run import served
from harness.pipeline.team import Team
from harness.pipeline.together import adapt, build, fingerprint, settle
from harness.pipeline.trackers import refuse_missing, tracking
from harness.pipeline.training import train_or_load
from harness.progress import Bars
from harness.record import (
    PREDICTIONS,
    RECORD,
    Counts,
    ModelInfo,
    Outcome,
    Record,
    Training,
    record_there,
    texts_digest,
    write_record,
)
from harness.record.inputs import MODELS, Inputs
from harness.settings import RunSettings
from harness.types import Prediction


def run(
    settings: RunSettings,
    method: str,
    results: Path,
    *,
    command: str = "",
    fresh: bool = False,
    factory: Callable[[RunSettings], Method] | None = None,
    bars: Bars | None = None,
    ranks: Ranks | None = None,
    until: str | None = None,
) -> Outcome:
    """Train, generate, evaluate, record: an incomplete run is resumed, a complete one only read.

    settings: everything that the run's name is made of, and the device.
    method: the name under which the method is registered, or that its plugin gives.
    results: the folder of all runs.
    command: the command line, for the record.
    fresh: delete what an earlier run of the same name left.
    factory: makes the method, for one that is not registered.
    bars: where progress and messages go; nowhere by default.
    ranks: the processes that do it together, of which this is the first; the others `follow` it.
        By default this one alone.
    until: stop when the model is `trained`, or with the texts `generated` and all that needs the
        model done; the record's status is then "running". The same call without it goes on.

    Raises HarnessError for anything that the user can mend; what was finished stays on disk.
    """
    refuse_missing(settings.track)
    phases, bars = Phases(), bars or Bars(quiet=True)
    team = Team(ranks or Ranks())
    try:
        # 1. the plan, with its inputs hashed before any model is loaded
        with phases("data"), bars.waiting("reading data"):
            plan = plan_of(settings, method, results, factory)
            refuse_a_server(plan, team.ranks.count)
            checked_until(until, plan)
            before = plan.inputs
        # 2. no other process works on it meanwhile
        with locked(plan.folder):
            return _make(Job(plan, bars, team=team), phases, before, command, fresh, until)
    finally:
        team.end()


def _make(
    job: Job, phases: Phases, before: Inputs, command: str, fresh: bool, until: str | None
) -> Outcome:
    """Make or show a planned run; see `run`.

    job: the run.
    phases: takes the times.
    before: inputs as hashed before loading.
    command: the command line, for the record.
    fresh: delete what an earlier run of the same name left.
    until: where to stop.
    """
    plan = job.plan
    plan.method.workspace, plan.method.track = plan.folder, job.bars.track
    # 1. a complete run is shown again where its inputs are unchanged
    if fresh:
        delete_run(plan.folder)
        plan.fresh = True
    earlier = record_there(plan.folder, job.bars.say)
    if earlier is not None and not has_its_texts(earlier, plan.folder, job.bars.say):
        earlier = replace(earlier, status="failed")  # the damaged texts are generated again
    if earlier is not None and earlier.status == "complete":
        shown = show_again(replace(job, team=Team()), earlier)
        if shown is not None:
            return shown
        earlier = None
    with job.bars, tracking(job.bars.say) as trackers:
        job = replace(job, trackers=trackers)
        # 2. a run that stopped with its texts needs no model
        if earlier is not None and (texts := texts_ready(job, earlier)) is not None:
            if until is not None:
                return Outcome(earlier, plan.folder, repeated=True)
            trackers.start(plan)
            record = score_ready(job, earlier, texts, command, phases)
            trackers.scores(record)
            return _recorded(job, record, phases)
        # 3. prompts
        with phases("prompts"), job.bars.waiting("encoding prompts"):
            prompts = plan.test_prompts
            if plan.advice:
                job.bars.say(plan.advice)
        # 4. texts, from a model's weights or its server
        made: Generated | Record
        if isinstance(plan, ServedPlan):
            made = served(job, plan, phases, before, command, earlier)
        else:
            made = _trained(job, phases, before, command, earlier, fresh, until)
        if isinstance(made, Record):
            write_record(made, plan.folder)
            return Outcome(made, plan.folder, repeated=False)
        record = replace(
            made.record,
            status="failed" if any(text.error for text in made.texts) else "complete",
            n=_counts(plan, made.texts, made.record.training),
            texts=texts_digest(made.texts),
        )
        # 5. their evaluation
        if until == "generated" and made.evaluate_model is not None:
            return stop_with_texts(job, made.evaluate_model(record, phases), made.texts)
        record = made.evaluate(record, phases)
        trackers.scores(record)
    assert len(prompts) == record.n.planned
    return _recorded(job, record, phases)


def _recorded(job: Job, record: Record, phases: Phases) -> Outcome:
    """Write the record of a run that has all its values, and remove what only an unfinished run
    needs."""
    plan, settings = job.plan, job.plan.settings
    record = replace(record, phases=phases.seconds, wall_s=phases.wall_s)
    write_record(record, plan.folder)
    if not settings.train.keep_weights and record.status == "complete":
        (plan.folder / WEIGHTS).unlink(missing_ok=True)
        shutil.rmtree(plan.folder / ADAPTERS, ignore_errors=True)
    phases.forget()
    forget_texts(job)
    if settings.eval.floors:
        record_floors(settings, plan.test, plan.results)
    return Outcome(record, plan.folder, repeated=False)


def _trained(
    job: Job,
    phases: Phases,
    before: Inputs,
    command: str,
    earlier: Record | None,
    fresh: bool,
    until: str | None,
) -> Generated | Record:
    """Load the model, train it, generate; the record alone where the run stops after training.

    job: the run.
    phases: takes the times.
    before: inputs as hashed before loading.
    command: the command line, for the record.
    earlier: the unfinished record in the run's folder.
    fresh: reuse no training of another run.
    until: where to stop.
    """
    plan = job.plan
    with phases("loading"), job.bars.waiting("loading the model"):
        return_freed_memory()
        lm, record = _load(job, command, earlier, before)
        return_freed_memory()
    phases.keep(plan.folder / PHASES, job.bars.say)
    job.trackers.start(plan)
    training = None
    if plan.method.trains:
        with phases("training"):
            lm, training = _train(job, lm, record.backbone, fresh)
    if until == "trained":
        return replace(record, training=training)
    with phases("fingerprints"):
        return_freed_memory()
        job.everywhere(settle, MAIN)
    if type(plan.method).adapt is not Method.adapt:
        with phases("users"):
            job.everywhere(adapt, MAIN)
    with phases("fingerprints"):
        weights = job.everywhere(fingerprint, MAIN)
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


def _load(
    job: Job, command: str, earlier: Record | None, before: Inputs
) -> tuple[PersonalLM, Record]:
    """The base model on its devices, checked, and the record as it is before any work.

    job: the run.
    command: the command line, for the record.
    earlier: the unfinished record in the run's folder, if any; deleted with the folder where it
        began with other weights.
    before: inputs as hashed before loading.
    """
    plan, say = job.plan, job.bars.say
    lm, backbone = job.everywhere(build, MAIN, job.hardware.types)
    refuse_long_tests(plan, lm)
    refuse_changed_meanwhile(plan, before)
    if earlier is None:
        set_aside(job)
    reasoner, method = plan.settings.model.reasoner, plan.method.name
    if reasoner is not None and backbone.reasoner is None:
        say(f"model.reasoner={reasoner}: {method} has no reasoner, so it changes nothing")
    if earlier is not None and _weights(earlier.backbone) != _weights(backbone):
        say(f"{plan.folder}: the backbone's weights changed; starting this run again")
        shutil.rmtree(plan.folder)
    record = opening(job, command, backbone)
    place(lm, job.hardware.devices)
    refuse_wrong_ways(
        lm,
        method,
        trains=plan.method.trains,
        checkpointing=plan.settings.train.gradient_checkpointing,
        views=sorted({view for prompt in plan.test_prompts for view in prompt.views}),
    )
    return lm, record


def _train(
    job: Job, lm: PersonalLM, backbone: ModelInfo, fresh: bool
) -> tuple[PersonalLM, Training]:
    """`lm` after training, resumed or reused where one with the same key exists.

    job: the run.
    lm: the base model.
    backbone: what it was built from.
    fresh: reuse no training of another run.
    """
    key = training_key(job, _weights(backbone))
    machine = begin_training(job, key, _weights(backbone))
    if not fresh:
        adopt_training(job, key)
    lm, training = train_or_load(job, lm)
    return lm, replace(training, machine=machine)


def _weights(model: ModelInfo) -> list[str | None]:
    """Fingerprints of the backbones in a record."""
    return [model.fingerprint, model.reasoner.fingerprint if model.reasoner else None]


def _counts(plan: Plan, predictions: list[Prediction], training: Training | None) -> Counts:
    """Counts of test examples: one with several samples counts once, where any is such."""

    def texts(matches: Callable[[Prediction], bool]) -> int:
        return len({text.id for text in predictions if matches(text)})

    failed = texts(lambda text: text.error is not None)
    return Counts(
        planned=len(plan.test.examples),
        scored=len({text.id for text in predictions}),
        failed=failed,
        empty=texts(lambda text: not text.output.strip()),
        capped=texts(lambda text: text.capped),
        input_cut=sum(bool(encoded.cut) for encoded in plan.test_prompts),
        target_cut=training.target_cut if training else 0,
        tied=sum(encoded.tied for encoded in plan.test_prompts),
    )


def files(folder: Path) -> list[str]:
    """The files of a run, for the last line on the screen."""
    return [name for name in (RECORD, PREDICTIONS, WEIGHTS) if (folder / name).is_file()]
