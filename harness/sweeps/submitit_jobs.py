"""Jobs through submitit: processes on this machine, or a Slurm cluster.

Facebook Research, https://github.com/facebookincubator/submitit
"""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.data.processes import available_cores
from harness.errors import UsageError
from harness.settings.sweep_file import SlurmSettings
from harness.sweeps.jobs import Ended, SweepJob, missing
from harness.sweeps.worker import Worker, stop_here

os.environ.setdefault("SUBMITIT_LOG_LEVEL", "NOCONFIG")
"""Importing submitit would configure logging for the whole process and close others' handlers."""
NO_LIMIT_MIN = 60 * 24 * 365
"""submitit ends local jobs after 5 minutes unless it is given a limit."""
MOST_TIME_LIMITS = 100
"""How often Slurm may end a job at its time limit and submit it again."""
RETRIES = 3


class SubmittedJob:
    """A job of submitit."""

    def __init__(self, submitted: Any, job: SweepJob, local: bool) -> None:
        self._submitted, self._job, self._local = submitted, job, local

    def ended(self) -> Ended | None:
        if not self._submitted.done():
            return None
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return Ended(int(self._submitted.result()))
        except UncompletedJobError:
            return Ended(None, "worker lost")
        except FailedJobError as error:
            return Ended(None, str(error).strip().splitlines()[-1])

    def stop(self) -> None:
        if self._local:
            stop_here(self._job)
        else:
            self._submitted.cancel(check=False)


class LocalProcesses:
    """Several jobs on this machine, which share its cores, and take its GPUs in turn.

    folder: for submitit's files.
    at_once: most jobs at a time.
    each: processes of a job, each on a GPU of its own.
    """

    def __init__(self, folder: Path, at_once: int, each: int = 1) -> None:
        submitit = _submitit()
        self.at_once, self.retries, self._gpus, self._each = at_once, RETRIES, _gpus(), each
        self._executor = submitit.LocalExecutor(folder=folder)
        self._executor.update_parameters(timeout_min=NO_LIMIT_MIN)

    def submit(self, job: SweepJob, slot: int) -> SubmittedJob:
        # submitit hides GPUs that nobody asked it for, so the variable is set in any case
        own = {**self._shown(slot), **self._threads()}
        job = replace(job, environment={**job.environment, **own})
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: see Worker
        try:
            return SubmittedJob(self._executor.submit(Worker(job, bound=True)), job, local=True)
        finally:
            signal.signal(signal.SIGINT, before)

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
        """Nothing is left."""


class SlurmJobs:
    """Jobs of a Slurm cluster. A job at its time limit saves a checkpoint and is queued again.

    folder: for submitit's files, on a disk that all nodes share.
    asked: what each job asks for.
    at_once: most jobs in the queue at a time.
    """

    def __init__(self, folder: Path, asked: SlurmSettings, at_once: int | None) -> None:
        submitit = _submitit()
        if shutil.which("sbatch") is None:
            raise UsageError(
                "--executor slurm: found no sbatch; expected a machine from which jobs can be"
                " submitted. Use --executor local, or --emit for the commands"
            )
        self.at_once, self.retries = at_once, RETRIES
        self._executor = submitit.AutoExecutor(
            folder=folder, cluster="slurm", slurm_max_num_timeout=MOST_TIME_LIMITS
        )
        self._executor.update_parameters(
            name="harness",
            timeout_min=asked.time,
            gpus_per_node=asked.gpus,
            cpus_per_task=asked.cpus,
            tasks_per_node=1,
            nodes=1,
            slurm_setup=list(asked.setup) or None,
            slurm_additional_parameters=dict(asked.more),
            **{
                f"slurm_{name}": value
                for name in ("partition", "mem", "account", "qos", "constraint", "exclude")
                if (value := getattr(asked, name)) is not None
            },
        )

    def submit(self, job: SweepJob, slot: int) -> SubmittedJob:
        return SubmittedJob(self._executor.submit(Worker(job)), job, local=False)

    def close(self) -> None:
        """Nothing is left."""


def _gpus() -> tuple[str, ...]:
    """Names of the GPUs that this process sees, as CUDA_VISIBLE_DEVICES takes them."""
    import torch

    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return tuple(filter(None, listed.split(",")))
    return tuple(map(str, range(torch.cuda.device_count())))


def _submitit() -> Any:
    try:
        import submitit
    except ImportError:
        raise missing("submitit", "sweep") from None
    return submitit
