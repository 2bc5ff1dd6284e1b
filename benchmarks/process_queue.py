"""Harness commands as processes, some at a time, each once what it needs has ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.sweeps.worker import start_run

LOOK_S = 0.2
TO_STOP_S = 120.0
"""Time for a run to save its checkpoint."""
SHOWN = 12
"""Last lines of a failed run's output that are shown."""


@dataclass(frozen=True)
class Job:
    """One command.

    name: for the screen and the log.
    command: the words after `harness`, asked for when the job may begin; None: nothing to run. It
        may raise HarnessError, which fails the job.
    needs: names of jobs that must have ended, whether they succeeded or not.
    """

    name: str
    command: Callable[[], list[str] | None]
    needs: frozenset[str] = frozenset()

    def needing(self, names: set[str]) -> Job:
        """The job with only those needs that are among `names`."""
        return replace(self, needs=self.needs & names)


@dataclass
class Queue:
    """Jobs at work.

    at_once: most processes.
    logs: folder for what each prints.
    seconds: nothing begins later than this after the start; None: no end.
    """

    at_once: int
    logs: Path
    seconds: float | None = None
    begin: float = field(default_factory=time.monotonic)
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)

    def run(self, jobs: Sequence[Job]) -> list[Job]:
        """Run them; returns those that were not begun, or did not end."""
        waiting = list(jobs)
        while (waiting or self.running) and not self.stopped:
            self._end()
            unfinished = {*self.running, *(job.name for job in waiting)}
            ready = [job for job in waiting if not job.needs & unfinished]
            if ready and len(self.running) < self.at_once and not self._late():
                waiting.remove(ready[0])
                self._start(ready[0])
            elif self.running:
                time.sleep(LOOK_S)
            elif waiting:
                break  # it is late
        names = {*self.running, *(job.name for job in waiting)}
        self._stop()
        return [job for job in jobs if job.name in names]

    def _late(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.begin > self.seconds

    def _start(self, job: Job) -> None:
        try:
            words = job.command()
        except HarnessError as error:
            self.failed.append(job.name)
            self._say(f"failed   {job.name}: {error}")
            return
        if words is None:
            self._say(f"done     {job.name}")
            return
        with self._log(job.name).open("wb") as log:
            process = start_run(words, log, self._environment())
        self.running[job.name] = process, time.monotonic()
        self._say(f"begin    {job.name}")

    def _environment(self) -> dict[str, str]:
        """Each process has its share of the cores, and asks no hub."""
        threads = max(1, len(os.sched_getaffinity(0)) // self.at_once)
        return {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}

    def _end(self) -> None:
        """Take processes that have ended out of those that run."""
        for name, (process, begun) in list(self.running.items()):
            code = process.poll()
            if code is None:
                continue
            del self.running[name]
            took = f"{time.monotonic() - begun:.0f} s"
            if code == 0:
                self._say(f"done     {name}: {took}")
                continue
            self.failed.append(name)
            path = self._log(name)
            lines = path.read_text("utf-8", errors="replace").rstrip().splitlines()[-SHOWN:]
            self._say(
                "\n    ".join([f"failed   {name}: exit code {code} after {took}; {path}", *lines])
            )

    def _stop(self) -> None:
        """Ask what runs to save its checkpoint, and wait."""
        for name, (process, _) in self.running.items():
            process.terminate()
            self._say(f"stopping {name}")
        end = time.monotonic() + TO_STOP_S
        for process, _ in self.running.values():
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _log(self, name: str) -> Path:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{name.replace(', ', '-').replace(' ', '-')}.log"

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self.begin:6.0f} s  {text}", flush=True)


def run_all(jobs: Sequence[Job], at_once: int, logs: Path, seconds: float | None = None) -> int:
    """Run all jobs; 0, or 1 if one failed, or 130 if a signal stopped them.

    at_once, logs, seconds: as in `Queue`.
    """
    queue = Queue(at_once, logs, seconds)
    with _signals(queue.stopped):
        left = queue.run(jobs)
    if left:
        print(
            f"left: {len(left)}; the same command goes on", *(job.name for job in left), sep="\n  "
        )
    if queue.failed:
        print(f"failed: {len(queue.failed)}", *queue.failed, sep="\n  ", file=sys.stderr)
    return 130 if queue.stopped else 1 if queue.failed else 0


@contextmanager
def _signals(stopped: list[int]) -> Iterator[None]:
    """Note ctrl-C and SIGTERM in `stopped`, instead of ending at once."""
    before: dict[int, Any] = {
        number: signal.signal(number, lambda got, frame: stopped.append(got))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
