"""Jobs as processes on this machine. They are the sweep's own children, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace

from harness.data.processes import available_cores
from harness.sweeps.child import start
from harness.sweeps.jobs import RETRIES, Ended, SweepJob


class LocalJob:
    """A job as a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def ended(self) -> Ended | None:
        code = self._process.poll()
        return None if code is None else Ended(code)

    def stop(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        """End the run and its processes at once."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session: see `start`
            self._process.wait()


class LocalProcesses:
    """Several jobs on this machine, which share its cores, and take its GPUs in turn.

    at_once: most jobs at a time.
    each: processes of a job, each on a GPU of its own.
    """

    def __init__(self, at_once: int, each: int = 1) -> None:
        self.at_once, self.retries, self._gpus, self._each = at_once, RETRIES, _gpus(), each
        self._begun: dict[int, LocalJob] = {}

    def submit(self, job: SweepJob, slot: int) -> LocalJob:
        own = {**self._shown(slot), **self._threads()}
        begun = LocalJob(start(replace(job, environment={**job.environment, **own})))
        self._begun[slot] = begun
        return begun

    def _shown(self, slot: int) -> dict[str, str]:
        """The variable with the GPUs of the job in a slot; several jobs share one if need be."""
        if not self._gpus:
            return {}
        first = slot * self._each
        own = [self._gpus[(first + at) % len(self._gpus)] for at in range(self._each)]
        return {"CUDA_VISIBLE_DEVICES": ",".join(dict.fromkeys(own))}

    def _threads(self) -> dict[str, str]:
        """The variable with a process's share of the cores, unless the user has set it."""
        if "OMP_NUM_THREADS" in os.environ:
            return {}
        return {"OMP_NUM_THREADS": str(max(available_cores() // (self.at_once * self._each), 1))}

    def close(self) -> None:
        """Kill what is still at work: nobody waits for it any longer."""
        for job in self._begun.values():
            job.kill()


def _gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process sees, as CUDA_VISIBLE_DEVICES takes them."""
    import torch

    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return tuple(filter(None, listed.split(",")))
    return tuple(map(str, range(torch.cuda.device_count())))
