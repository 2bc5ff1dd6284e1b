"""What an executor runs for a job: the harness command in a process of its own."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from harness.sweeps.child import start
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
    raises: whether a run that was lost raises LostRunError, as Ray wants it for a retry.
    """

    job: SweepJob
    raises: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __call__(self) -> int:
        self.process = start(self.job)
        try:
            while (code := self.process.poll()) is None:
                time.sleep(LOOK_S)
        except KeyboardInterrupt:  # Ray cancels a task with one
            self._stop()
            raise
        if self.raises and (ended := Ended(code)).lost:
            raise LostRunError(f"{self.job.name}: {ended}")
        return code

    def checkpoint(self) -> Any:
        """Called by submitit before a time limit: the run saves a checkpoint, and is queued again.

        Returns submitit's DelayedSubmission.
        """
        from submitit.helpers import DelayedSubmission

        self._stop()
        return DelayedSubmission(Worker(self.job, self.raises))

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
