"""Jobs of a Slurm cluster, through submitit.

Facebook Research, https://github.com/facebookincubator/submitit
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.settings.sweep_file import SlurmSettings
from harness.sweeps.jobs import RETRIES, Ended, SweepJob, missing
from harness.sweeps.worker import Worker

os.environ.setdefault("SUBMITIT_LOG_LEVEL", "NOCONFIG")
"""Importing submitit would configure logging for the whole process and close others' handlers."""
MOST_TIME_LIMITS = 100
"""How often Slurm may end a job at its time limit and submit it again."""


class SlurmJob:
    """A job of Slurm."""

    def __init__(self, submitted: Any) -> None:
        self._submitted = submitted

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
        self._submitted.cancel(check=False)


class SlurmJobs:
    """Jobs of a Slurm cluster. A job at its time limit saves a checkpoint and is queued again.

    folder: for submitit's files, on a disk that all nodes share.
    asked: what each job asks for.
    at_once: most jobs in the queue at a time.
    """

    def __init__(self, folder: Path, asked: SlurmSettings, at_once: int | None) -> None:
        try:
            import submitit
        except ImportError:
            raise missing("submitit", "sweep") from None
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

    def submit(self, job: SweepJob, slot: int) -> SlurmJob:
        return SlurmJob(self._executor.submit(Worker(job)))

    def close(self) -> None:
        """Nothing is left."""
