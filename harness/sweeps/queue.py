"""Jobs through an executor: some at a time, lost ones again, each after what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from harness.sweeps.jobs import Ended, Executor, Handle, SweepJob
from harness.sweeps.logs import progress

State = Literal["waiting", "queued", "running", "done", "failed"]
LOOK_S = 0.5
TO_STOP_S = 60.0


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


Watch = Callable[[Sequence[Entry], str], None]
"""Called after each look with all entries and a message, which is "" if nothing happened."""


def run_queue(jobs: Sequence[SweepJob], executor: Executor, watch: Watch) -> list[Entry]:
    """Run all jobs; returns how each ended.

    jobs: in the order in which they are begun.
    executor: runs them.
    watch: sees all entries about twice a second.

    After an interruption the running jobs are asked to save their checkpoints and end.
    """
    entries = [Entry(job) for job in jobs]
    try:
        while any(entry.open for entry in entries):
            for entry in _ready(entries, executor.at_once):
                _submit(entry, entries, executor)
            for message in _look(entries, executor.retries):
                watch(entries, message)
            watch(entries, "")
            if any(entry.open for entry in entries):
                time.sleep(LOOK_S)
    except BaseException:
        _stop(entries)
        raise
    return entries


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
        busy = sum(each.state in ("queued", "running") for each in entries)
        if at_once is not None and busy >= at_once:
            return
        first = entry.job.after
        if entry.state == "waiting" and (first is None or not entries[first].open):
            yield entry


def _submit(entry: Entry, entries: Sequence[Entry], executor: Executor) -> None:
    taken = {each.slot for each in entries if each.state in ("queued", "running")}
    entry.slot = next(slot for slot in range(len(entries) + 1) if slot not in taken)
    entry.handle = executor.submit(entry.job, entry.slot)
    entry.state, entry.attempts = "queued", entry.attempts + 1


def _look(entries: Sequence[Entry], retries: int) -> Iterator[str]:
    """Update all jobs that were handed over; a message for each that changed."""
    for entry in entries:
        if entry.state not in ("queued", "running") or entry.handle is None:
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
