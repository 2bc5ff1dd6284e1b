"""One run, from settings to record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.engine.clock import Phases, Spent
from harness.engine.ranks import Ranks
from harness.engine.token_bound import tokens_bounded
from harness.engine.weight_files import WEIGHTS
from harness.method import Factory
from harness.pipeline.apart import (
    checked_until,
    forget_texts,
    score_ready,
    stop_with_texts,
    texts_ready,
)
from harness.pipeline.attempt import Attempt
from harness.pipeline.job import PHASES, Job
from harness.pipeline.kept_training import ADAPTERS
from harness.pipeline.local import local
from harness.pipeline.lock import locked
from harness.pipeline.plan import Plan
from harness.pipeline.renewal import delete_run
from harness.pipeline.repeated import has_its_texts, show_again
from harness.pipeline.scored import record_floors
from harness.pipeline.served.plan import ServedPlan, plan_of, refuse_a_server
from harness.pipeline.served.run import served
from harness.pipeline.team import Team
from harness.pipeline.trackers import refuse_missing, tracking
from harness.progress import Bars
from harness.record import (
    PREDICTIONS,
    RECORD,
    Counts,
    Outcome,
    Record,
    Training,
    blank,
    record_there,
    texts_digest,
    write_record,
    write_state,
)
from harness.record.dated import beside
from harness.settings import RunSettings
from harness.types import Prediction


def run(
    settings: RunSettings,
    method: str,
    results: Path,
    *,
    command: str = "",
    fresh: bool = False,
    factory: Factory | None = None,
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
            stop = checked_until(until, plan)
            _ = plan.inputs  # hashed now, and kept
        # 2. no other process works on it meanwhile
        with locked(plan.folder), tokens_bounded(settings.decode.tokens_at_once):
            return _make(Attempt(Job(plan, bars, team=team), phases, command, fresh, stop))
    finally:
        team.end()


def _make(attempt: Attempt) -> Outcome:
    """Make or show a planned run; see `run`."""
    job, phases = attempt.job, attempt.phases
    plan = job.plan
    plan.method.workspace, plan.method.track = plan.folder, job.bars.track
    # 1. a complete run is shown again where its inputs are unchanged
    if attempt.fresh:
        delete_run(plan.folder)
        plan.fresh = True
    stored = beside(plan.folder)
    if stored.is_dir() and not plan.folder.exists():  # stopped between the renames of `set_aside`
        stored.rename(plan.folder)
    earlier = record_there(plan.folder, job.bars.say)
    if earlier is not None and not has_its_texts(earlier, plan.folder, job.bars.say):
        earlier = replace(earlier, status="failed")  # the damaged texts are generated again
    _keep_times(plan.folder, earlier)
    if earlier is not None and earlier.status == "complete":
        shown = show_again(replace(job, team=Team()), earlier)
        if shown is not None:
            return shown
        earlier = None
        plan.method.workspace = stored  # the folder is set aside with the old run
    with job.bars, tracking(job.bars.say) as trackers:
        job = replace(job, trackers=trackers)
        attempt = replace(attempt, job=job, earlier=earlier)
        # 2. a run that stopped with its texts needs no model
        if earlier is not None and (texts := texts_ready(attempt)) is not None:
            if attempt.until is not None:
                return Outcome(earlier, plan.folder, repeated=True)
            trackers.start(plan)
            record = score_ready(attempt, earlier, texts)
            trackers.scores(record)
            return _recorded(job, record, phases)
        # 3. prompts
        if not isinstance(plan, ServedPlan):
            with phases("loading"):
                job.share_number_type()
        with phases("prompts"), job.bars.waiting("encoding prompts"):
            prompts = plan.test_prompts
            if plan.advice:
                job.bars.say(plan.advice)
        # 4. texts, from a model's weights or its server
        made = served(attempt, plan) if isinstance(plan, ServedPlan) else local(attempt)
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
        if attempt.until == "generated" and made.evaluate_model is not None:
            return stop_with_texts(job, made.evaluate_model(record, phases), made.texts)
        record = made.evaluate(record, phases)
        trackers.scores(record)
    assert len(prompts) == record.n.planned
    return _recorded(job, record, phases)


def _keep_times(folder: Path, earlier: Record | None) -> None:
    """Save the times of a record that is to be replaced where only the record has them.

    folder: the run's. earlier: its record; None where there is none that can be read. Times of a
    damaged one are lost.
    """
    if (folder / PHASES).is_file():
        return
    if earlier is None and (folder / RECORD).is_file():
        write_state(folder / PHASES, Spent(0.0, {}, lost=True))
    elif earlier is not None and earlier.status != "complete" and earlier.phases:
        known = earlier.wall_s
        total = sum(earlier.phases.values()) if known is None else known
        write_state(folder / PHASES, Spent(total, earlier.phases, lost=known is None))


def _recorded(job: Job, record: Record, phases: Phases) -> Outcome:
    """Write the record of a run that has all its values, and remove what only an unfinished run
    needs."""
    plan, settings = job.plan, job.plan.settings
    wall_s = None if phases.lost else phases.wall_s
    record = replace(record, phases=phases.seconds, wall_s=wall_s)
    write_record(record, plan.folder)
    if not settings.train.keep_weights and record.status == "complete":
        (plan.folder / WEIGHTS).unlink(missing_ok=True)
        shutil.rmtree(plan.folder / ADAPTERS, ignore_errors=True)
    phases.forget()
    forget_texts(job)
    if settings.eval.floors:
        record_floors(settings, plan.test, plan.results, job.bars.say)
    return Outcome(record, plan.folder, repeated=False)


def _counts(plan: Plan, predictions: list[Prediction], training: Training | None) -> Counts:
    """Counts of test examples: one with several texts counts once, where any of them is such."""

    def examples(matches: Callable[[Prediction], bool]) -> int:
        return len({text.id for text in predictions if matches(text)})

    failed = examples(lambda text: text.error is not None)
    return Counts(
        planned=len(plan.test.examples),
        scored=len({text.id for text in predictions}),
        failed=failed,
        empty=examples(lambda text: blank(text.output)),
        capped=examples(lambda text: text.capped),
        input_cut=sum(bool(encoded.cut) for encoded in plan.test_prompts),
        target_cut=training.target_cut if training else 0,
        tied=sum(encoded.tied for encoded in plan.test_prompts),
    )


def files(folder: Path) -> list[str]:
    """The files of a run, for the last line on the screen."""
    return [name for name in (RECORD, PREDICTIONS, WEIGHTS) if (folder / name).is_file()]
