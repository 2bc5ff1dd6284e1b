"""Jobs through an executor: some at a time, lost ones again, each after what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from harness.errors import HarnessError
from harness.sweeps.jobs import Ended, Executor, Handle, SweepJob
from harness.sweeps.logs import last_message, progress

State = Literal["waiting", "queued", "running", "done", "failed"]
LOOK_S = 0.5
TO_STOP_S = 600.0
"""Time for runs to save their checkpoints; a second signal ends it."""


@dataclass
class Entry:
    """A job and how far it is.

    begun, seconds: when it was first seen at work (monotonic clock), and how long it took.
    attempts: how often it was handed to the executor.
    """

    job: SweepJob
    state: State = "waiting"
    handle: Handle | None = None
    slot: int = 0
    begun: float | None = None
    seconds: float | None = None
    attempts: int = 0
    ended: Ended | None = None
    progress: str = ""

    @property
    def open(self) -> bool:
        return self.state not in ("done", "failed")

    @property
    def at_work(self) -> bool:
        return self.state in ("queued", "running")

    @property
    def why(self) -> str:
        """Why it failed: the last message of its log, or how it ended."""
        return last_message(self.job.log) or str(self.ended)


Watch = Callable[[Sequence[Entry], str], None]
"""Called after each look with all entries and a message, which is "" if nothing happened."""
Prepare = Callable[[SweepJob], SweepJob | None]
"""A job with its arguments, which need not be known earlier; None where nothing is left to run."""


def run_queue(
    jobs: Sequence[SweepJob],
    executor: Executor,
    watch: Watch,
    prepare: Prepare = lambda job: job,
    seconds: float | None = None,
) -> list[Entry]:
    """Run all jobs; returns how each ended, or that it waits.

    jobs: in the order in which they are begun.
    executor: runs them.
    watch: sees all entries about twice a second.
    prepare: called when a job may begin; a HarnessError fails this job alone.
    seconds: no job begins later than this after the start; None: no end.

    After an interruption the running jobs are asked to save their checkpoints and end.
    """
    entries, start = [Entry(job) for job in jobs], time.monotonic()
    try:
        while True:
            late = seconds is not None and time.monotonic() - start > seconds
            for entry in _ready(entries, 0 if late else executor.at_once):
                if message := _begin(entry, entries, executor, prepare):
                    watch(entries, message)
            for message in _look(entries, executor.retries):
                watch(entries, message)
            watch(entries, "")
            if not any(entry.open and (entry.at_work or not late) for entry in entries):
                return entries
            time.sleep(LOOK_S)
    except BaseException:
        if any(entry.at_work for entry in entries):
            watch(entries, "stopping: running jobs save checkpoints; a second signal stops at once")
        _stop(entries)
        raise


def time_left(entries: Sequence[Entry], at_once: int | None) -> float | None:
    """Seconds until all jobs end, from finished jobs of the same method; None while unknown."""
    took: dict[str, list[float]] = {}
    for entry in entries:
        if entry.state == "done" and entry.seconds is not None:
            took.setdefault(entry.job.method, []).append(entry.seconds)
    left, longest, running = 0.0, 0.0, 0
    for entry in entries:
        if not entry.open:
            continue
        if entry.job.method not in took:
            return None
        spent = time.monotonic() - entry.begun if entry.begun is not None else 0.0
        running += entry.state == "running"
        each = max(mean(took[entry.job.method]) - spent, 0.0)
        left, longest = left + each, max(longest, each)
    return max(left / max(at_once or running, 1), longest)


def _ready(entries: Sequence[Entry], at_once: int | None) -> Iterator[Entry]:
    """Waiting jobs that may begin."""
    for entry in entries:
        busy = sum(each.at_work for each in entries)
        if at_once is not None and busy >= at_once:
            return
        if entry.state == "waiting" and not any(entries[each].open for each in entry.job.needs):
            yield entry


def _begin(entry: Entry, entries: Sequence[Entry], executor: Executor, prepare: Prepare) -> str:
    """Hand a job to the executor. Returns a message where that is not needed, or not possible."""
    try:
        job = prepare(entry.job)
    except HarnessError as error:
        entry.state, entry.ended = "failed", Ended(None, str(error))
        return f"{entry.job.name}: failed: {error}"
    if job is None:
        entry.state = "done"
        return f"{entry.job.name}: already done"
    entry.job = job
    taken = {each.slot for each in entries if each.at_work}
    entry.slot = next(slot for slot in range(len(entries) + 1) if slot not in taken)
    entry.handle = executor.submit(entry.job, entry.slot)
    entry.state, entry.attempts = "queued", entry.attempts + 1
    return ""


def _look(entries: Sequence[Entry], retries: int) -> Iterator[str]:
    """Update all jobs that were handed over; a message for each that changed."""
    for entry in entries:
        if not entry.at_work or entry.handle is None:
            continue
        ended = entry.handle.ended()
        if entry.begun is None and (ended is not None or entry.job.log.exists()):
            entry.state, entry.begun = "running", time.monotonic()
        entry.progress = progress(entry.job.log)
        if ended is None:
            continue
        if ended.lost and entry.attempts <= retries:
            entry.state, entry.handle = "waiting", None
            yield f"{entry.job.name}: {ended}; started again (attempt {entry.attempts + 1})"
            continue
        entry.ended = ended
        entry.seconds = time.monotonic() - (entry.begun or time.monotonic())
        entry.state = "done" if ended.code == 0 else "failed"
        what = f"{entry.seconds:.0f} s" if entry.state == "done" else f"failed: {ended}"
        yield f"{entry.job.name}: {what}"


def _stop(entries: Sequence[Entry]) -> None:
    """Ask running jobs to end, and wait for their checkpoints."""
    handed = [entry.handle for entry in entries if entry.open and entry.handle is not None]
    for handle in handed:
        handle.stop()
    end = time.monotonic() + TO_STOP_S
    while any(handle.ended() is None for handle in handed) and time.monotonic() < end:
        time.sleep(LOOK_S)
