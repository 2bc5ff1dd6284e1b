"""Jobs as tasks of a Ray cluster. Moritz et al. 2018, https://docs.ray.io"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from harness.errors import UsageError
from harness.settings.sweep_file import RaySettings
from harness.sweeps.jobs import RETRIES, Ended, SweepJob, missing
from harness.sweeps.worker import LostRunError, Worker


class RayTask:
    """A task of Ray."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference

    def ended(self) -> Ended | None:
        done, _ = self._ray.wait([self._reference], timeout=0)
        if not done:
            return None
        try:
            return Ended(self._ray.get(self._reference))
        except self._ray.exceptions.RayError as error:
            return Ended(None, str(error).strip().splitlines()[-1])

    def stop(self) -> None:
        self._ray.cancel(self._reference)  # raises KeyboardInterrupt in the worker


class RayTasks:
    """A Ray cluster: one that runs, or one started on this machine.

    asked: address of the cluster, and what each task asks for.
    at_once: most tasks at a time.

    Ray itself starts a lost task again, on any node, so `retries` is 0.
    """

    def __init__(self, asked: RaySettings, at_once: int | None) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise missing("ray", "ray") from None
        self._ray, self.at_once, self.retries = ray, at_once, 0
        self._started = not ray.is_initialized()
        if self._started:
            try:
                ray.init(address=asked.address, include_dashboard=False, log_to_driver=False,
                         logging_level="error")  # fmt: skip
            except (ConnectionError, ValueError) as error:
                raise UsageError(
                    f"ray.address = {asked.address!r}: {str(error).splitlines()[0]}; expected the"
                    " address of a running cluster (`ray start --head`)"
                ) from None
        self._remote = ray.remote(
            num_cpus=asked.cpus, num_gpus=asked.gpus, max_retries=RETRIES, max_calls=1,
            retry_exceptions=[LostRunError],
        )(_work)  # fmt: skip

    def submit(self, job: SweepJob, slot: int) -> RayTask:
        return RayTask(self._ray, self._remote.remote(Worker(job, raises=True)))

    def close(self) -> None:
        """Leave the cluster; end it if it was started for this sweep."""
        if self._started:
            self._ray.shutdown()


def _work(worker: Worker) -> int:
    return worker()
