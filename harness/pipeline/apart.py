"""Phases of a run apart: it stops after training, or with its texts, and goes on another time.

Scoring needs no model: where a run stopped with its texts, and every input is the same, the next
command scores them, on this machine or on another one that has the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.stale import chooser, since
from harness.pipeline.attempt import Attempt
from harness.pipeline.evaluate.evaluation import scores_early
from harness.pipeline.evaluate.kept_values import VALUES
from harness.pipeline.evaluate.text_views import evaluate_authors, evaluate_texts
from harness.pipeline.evaluate.texts import samples_of
from harness.pipeline.job import PHASES, Job
from harness.pipeline.plan import Plan
from harness.pipeline.repeated import scored_with
from harness.pipeline.stops import Until, stop_named
from harness.record import (
    PREDICTIONS,
    DeviceInfo,
    Outcome,
    Record,
    is_intact,
    last_of_each,
    read_lines,
    read_state,
    texts_digest,
    write_record,
    write_state,
)
from harness.record.inputs import Change
from harness.types import Prediction

GENERATED = "generated.json"
"""In the folder of a run that stopped with its texts: what they were made from."""


@dataclass(frozen=True)
class Ready:
    """A run that needs no model any more. texts: digest of its texts."""

    texts: str


def checked_until(name: str | None, plan: Plan) -> Until | None:
    """The stop with this name. Raises UsageError for an unknown name, or a model behind an API."""
    until = stop_named(name)
    if until is not None and plan.settings.model.api:
        raise UsageError(
            f"until {until}: {plan.settings.model.backbone} is behind an API; expected a model on"
            " this machine. Leave --until out: nothing is held while texts are scored"
        )
    return until


def stop_with_texts(job: Job, record: Record, texts: Sequence[Prediction]) -> Outcome:
    """Keep the record of a run that has its texts, and all that its model says of them.

    If some texts failed, the next command generates those again.
    """
    folder = job.plan.folder
    record = replace(record, status="running")
    write_record(record, folder)
    if not any(text.error for text in texts):
        write_state(folder / GENERATED, Ready(texts_digest(texts)))
    return Outcome(record, folder, repeated=False)


def texts_ready(attempt: Attempt) -> list[Prediction] | None:
    """The texts of a run that stopped with them; None if there is none, or an input changed."""
    plan, say, earlier = attempt.job.plan, attempt.job.bars.say, attempt.earlier
    if earlier is None or earlier.status != "running" or earlier.inputs is None:
        return None
    mark = read_state(Ready, plan.folder / GENERATED, say)
    if mark is None:
        return None
    texts = last_of_each(read_lines(Prediction, plan.folder / PREDICTIONS, say))
    if texts_digest(texts) != mark.texts or not all(map(is_intact, texts)):
        say(f"{plan.folder / PREDICTIONS}: changed since the run stopped; generating again")
    elif found := _work_since(plan, earlier):
        say(f"{plan.folder}: {', '.join(map(str, found))} since the run stopped")
    else:
        return texts
    (plan.folder / GENERATED).unlink()
    return None


def score_ready(attempt: Attempt, earlier: Record, texts: Sequence[Prediction]) -> Record:
    """The complete record of a run that stopped with its texts.

    attempt: at this run. earlier: its record. texts: its texts.
    """
    job, phases = attempt.job, attempt.phases
    plan, options = job.plan, job.plan.settings.eval
    phases.keep(plan.folder / PHASES, job.bars.say)
    samples, record = samples_of(texts), earlier
    with phases("scoring"), job.bars.waiting("scoring"):
        if not scores_early(options):
            record = scored_with(plan, evaluate_texts(record, plan.test, samples, options))
    if options.authors:
        with phases("authors"):
            record = evaluate_authors(record, plan.test, samples, options)
    here = provenance.machine("cpu", "float32")
    elsewhere = _computer(here) != _computer(earlier.device)
    return replace(
        record, status="complete", command=attempt.command, scored_on=here if elsewhere else None
    )


def _work_since(plan: Plan, earlier: Record) -> tuple[Change, ...]:
    """What changed since the run stopped, and needs its model again."""
    found = since(earlier, plan.inputs, chooser(plan.settings, plan.folder))
    scored = scores_early(plan.settings.eval)
    return (*found.rerun, *(found.rescore if scored else ()))


def forget_texts(job: Job) -> None:
    """Remove the mark of a stop, and values that are now in the record."""
    (job.plan.folder / GENERATED).unlink(missing_ok=True)
    (job.plan.folder / VALUES).unlink(missing_ok=True)


def _computer(machine: DeviceInfo) -> list[object]:
    return [machine.processor, machine.cores, machine.system]
