"""Phases of a run apart: it stops after training, or with its texts, and goes on another time.

Scoring needs no model: where a run stopped with its texts, and every input is the same, the next
command scores them, on this machine or on another one that has the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from harness.engine.clock import Phases
from harness.errors import UsageError
from harness.inputs import provenance
from harness.inputs.stale import since
from harness.pipeline.evaluate.evaluation import scores_early
from harness.pipeline.evaluate.kept_values import VALUES
from harness.pipeline.evaluate.text_views import evaluate_authors, evaluate_texts
from harness.pipeline.evaluate.texts import samples_of
from harness.pipeline.job import PHASES, Job
from harness.pipeline.plan import Plan
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
from harness.types import Prediction

Until = Literal["trained", "generated"]
UNTIL: tuple[Until, ...] = ("trained", "generated")
GENERATED = "generated.json"
"""In the folder of a run that stopped with its texts: what they were made from."""


@dataclass(frozen=True)
class Ready:
    """A run that needs no model any more. texts: digest of its texts."""

    texts: str


def checked_until(until: str | None, plan: Plan) -> None:
    """Raises UsageError for a phase that does not exist, and for a model behind an API."""
    if until is None:
        return
    if until not in UNTIL:
        raise UsageError(f"until {until}; expected {' or '.join(UNTIL)}")
    if plan.settings.model.api:
        raise UsageError(
            f"until {until}: {plan.settings.model.backbone} is behind an API; expected a model on"
            " this machine. Leave --until out: nothing is held while texts are scored"
        )


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


def texts_ready(job: Job, earlier: Record | None) -> list[Prediction] | None:
    """The texts of a run that stopped with them; None if there is none, or an input changed."""
    plan, say = job.plan, job.bars.say
    if earlier is None or earlier.status != "running" or earlier.inputs is None:
        return None
    mark = read_state(Ready, plan.folder / GENERATED, say)
    if mark is None:
        return None
    texts = last_of_each(read_lines(Prediction, plan.folder / PREDICTIONS, say))
    if texts_digest(texts) != mark.texts or not all(map(is_intact, texts)):
        say(f"{plan.folder / PREDICTIONS}: changed since the run stopped; generating again")
    elif found := since(earlier, plan.inputs).rerun:
        say(f"{plan.folder}: {', '.join(map(str, found))} changed since the run stopped")
    else:
        return texts
    (plan.folder / GENERATED).unlink()
    return None


def score_ready(
    job: Job, earlier: Record, texts: Sequence[Prediction], command: str, phases: Phases
) -> Record:
    """The complete record of a run that stopped with its texts.

    job: the run. earlier: its record. texts: its texts. command: the command line.
    phases: takes the times.
    """
    plan, options = job.plan, job.plan.settings.eval
    phases.keep(plan.folder / PHASES, job.bars.say)
    samples, record = samples_of(texts), earlier
    with phases("scoring"), job.bars.waiting("scoring"):
        if not scores_early(options):
            record = evaluate_texts(record, plan.test, samples, options)
    if options.authors:
        with phases("authors"):
            record = evaluate_authors(record, plan.test, samples, options)
    here = provenance.machine("cpu", "float32")
    elsewhere = _computer(here) != _computer(earlier.device)
    return replace(
        record, status="complete", command=command, scored_on=here if elsewhere else None
    )


def forget_texts(job: Job) -> None:
    """Remove the mark of a stop, and values that are now in the record."""
    (job.plan.folder / GENERATED).unlink(missing_ok=True)
    (job.plan.folder / VALUES).unlink(missing_ok=True)


def _computer(machine: DeviceInfo) -> list[object]:
    return [machine.processor, machine.cores, machine.system]
