"""What an executor runs for a job: the harness command in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.sweeps.child import die_with_parent
from harness.sweeps.jobs import Ended, SweepJob

LOOK_S = 0.2
TO_STOP_S = 80.0
"""Time for a run to save its checkpoint, below the 90 s that submitit gives."""


class LostRunError(Exception):
    """A run ended before its end: killed, or stopped by its scheduler."""


@dataclass
class Worker:
    """A job's command as a function without arguments; returns its exit code.

    job: the job.
    bound: whether the worker ends with the process that started it, as on this machine.
    raises: whether a run that was lost raises LostRunError, as Ray wants it for a retry.
    """

    job: SweepJob
    bound: bool = False
    raises: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __call__(self) -> int:
        if self.bound:
            die_with_parent()
        job = self.job
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness.sweeps.child", *job.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=job.folder,
                env={**os.environ, **job.environment},
                start_new_session=True,  # Ctrl-C is for the sweep, which stops its runs
            )
        pid_file(job.log).write_text(str(self.process.pid))
        try:
            while (code := self.process.poll()) is None:
                time.sleep(LOOK_S)
        except KeyboardInterrupt:  # Ray cancels a task with one
            self._stop()
            raise
        pid_file(job.log).unlink(missing_ok=True)
        if self.raises and (ended := Ended(code)).lost:
            raise LostRunError(f"{job.name}: {ended}")
        return code

    def checkpoint(self) -> Any:
        """Called by submitit before a time limit: the run saves a checkpoint, and is queued again.

        Returns submitit's DelayedSubmission.
        """
        from submitit.helpers import DelayedSubmission

        self._stop()
        return DelayedSubmission(Worker(self.job, self.bound, self.raises))

    def _stop(self) -> None:
        """Ask the run to save a checkpoint and end, and wait for it."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.terminate()
        end = time.monotonic() + TO_STOP_S
        while self.process.poll() is None and time.monotonic() < end:
            time.sleep(LOOK_S)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "process": None}


def pid_file(log: Path) -> Path:
    """The file with the process id of a running job."""
    return log.with_suffix(".pid")


def stop_here(job: SweepJob) -> None:
    """Ask a run on this machine to save a checkpoint and end."""
    with suppress(OSError, ValueError):
        os.kill(int(pid_file(job.log).read_text()), signal.SIGTERM)
