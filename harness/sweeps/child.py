"""A run of a sweep as a process of its own, which ends with the process that started it.

Otherwise the run of a killed sweep, or of a killed worker, would go on and hold the lock that the
next attempt needs.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import subprocess
import sys

from harness.sweeps.jobs import SweepJob

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def start(job: SweepJob) -> subprocess.Popen[bytes]:
    """Start a job's command; what it prints is added to the job's log."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "harness.sweeps.child", str(os.getpid()), *job.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=job.folder,
            env={**os.environ, **job.environment},
            start_new_session=True,  # Ctrl-C is for the sweep, which stops its runs
        )


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. Linux alone has this.

    parent: the process that started this one; if it has already ended, this one ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":  # python -m harness.sweeps.child PARENT ARGUMENTS
    die_with(int(sys.argv.pop(1)))
    runpy.run_module("harness", run_name="__main__")
