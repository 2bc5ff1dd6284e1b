"""The study's runs on this machine, several at once, by the queue of `harness sweep`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.cli.screen import screen
from harness.cli.sweep_screen import Screen
from harness.interruption import Stopped, ended_by_exception
from harness.sweeps.jobs import SweepJob
from harness.sweeps.local_jobs import LocalProcesses
from harness.sweeps.queue import Entry, run_queue

OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""Variables of every run: all that it needs is here."""


@dataclass(frozen=True)
class Job:
    """One command.

    name: for the screen and the log; what its time is foretold by stands before the first comma.
    command: the words after `harness`, asked for when the job may begin; None: nothing to run. It
        may raise HarnessError, which fails the job.
    needs: names of jobs that must have ended, whether they succeeded or not; others are ignored.
    """

    name: str
    command: Callable[[], list[str] | None]
    needs: frozenset[str] = frozenset()

    @property
    def file(self) -> str:
        """Name of its log."""
        return f"{self.name.replace(', ', '-').replace(' ', '-')}.log"


def run_all(jobs: Sequence[Job], at_once: int, logs: Path, seconds: float | None = None) -> int:
    """Run all jobs; 0, or 1 if one failed, or 130 if a signal stopped them.

    at_once: most jobs at a time.
    logs: folder for what each prints.
    seconds: no job begins later than this after the start; None: no end.
    """
    logs = logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    places = {job.name: index for index, job in enumerate(jobs)}
    commands = {job.name: job.command for job in jobs}
    asked = [
        SweepJob(
            job.name, job.name.partition(",")[0], (), logs / job.file, Path.cwd(),
            tuple(places[need] for need in job.needs if need in places), OFFLINE,
        )
        for job in jobs
    ]  # fmt: skip

    def prepare(job: SweepJob) -> SweepJob | None:
        words = commands[job.name]()
        return None if words is None else replace(job, arguments=tuple(words))

    for job in asked:
        job.log.unlink(missing_ok=True)
    engine = LocalProcesses(at_once)
    try:
        with ended_by_exception(), Screen(screen(), len(asked), at_once) as shown:
            entries = run_queue(asked, engine, shown, prepare, seconds)
    except KeyboardInterrupt as stop:
        print("stopped; the same command goes on", file=sys.stderr)
        return stop.exit_code if isinstance(stop, Stopped) else 130
    finally:
        engine.close()
    return _told(entries)


def _told(entries: Sequence[Entry]) -> int:
    """Say which jobs failed and which are left; 1 if one failed, else 0."""
    left = [entry.job.name for entry in entries if entry.open]
    failed = [entry for entry in entries if entry.state == "failed"]
    if left:
        print(f"left: {len(left)}; the same command goes on", *left, sep="\n  ")
    if failed:
        lines = [f"{each.job.name}: {each.why}" for each in failed]
        print(f"failed: {len(failed)}", *lines, sep="\n  ", file=sys.stderr)
    return int(bool(failed))
