"""One call of `run` at work on a run."""

from __future__ import annotations

from dataclasses import dataclass

from harness.engine.clock import Phases
from harness.pipeline.job import Job
from harness.pipeline.stops import Until
from harness.record import Record


@dataclass(frozen=True)
class Attempt:
    """What the steps of a run have in common.

    job: the run.
    phases: takes the times.
    command: the command line, for the record.
    fresh: reuse nothing that an earlier run left.
    until: where to stop.
    earlier: the record of an unfinished run in the run's folder.
    """

    job: Job
    phases: Phases
    command: str = ""
    fresh: bool = False
    until: Until | None = None
    earlier: Record | None = None
