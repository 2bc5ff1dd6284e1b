"""The jobs of a sweep, and what an executor makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.errors import UsageError

STOPPED = (129, 130, 143)
"""Exit codes of a run that SIGHUP, Ctrl-C or SIGTERM ended: it is not finished, and can go on."""
RETRIES = 3
"""How often a job is started again whose run, worker or node was lost."""


@dataclass(frozen=True)
class SweepJob:
    """One run of a sweep, as a command.

    name: what tells it apart from the others, for people.
    method: the method's name.
    arguments: the words after `harness`.
    log: file for all that it prints.
    folder: the folder in which the command is given.
    needs: indices of the jobs that must end first, e.g. because they have the weights or the rate
        that this one takes.
    environment: variables that its process gets besides those of the machine.
    """

    name: str
    method: str
    arguments: tuple[str, ...]
    log: Path
    folder: Path
    needs: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a job ended. code: of its command; None if its worker was lost, for this reason."""

    code: int | None
    reason: str = ""

    @property
    def lost(self) -> bool:
        """Whether the run did not get to its end, so that it can go on."""
        return self.code is None or self.code < 0 or self.code in STOPPED

    def __str__(self) -> str:
        if self.code is None:
            return self.reason or "worker lost"
        return f"ended by signal {-self.code}" if self.code < 0 else f"exit code {self.code}"


class Handle(Protocol):
    """A job that was handed to an executor."""

    def ended(self) -> Ended | None:
        """How it ended; None while it waits or runs."""

    def stop(self) -> None:
        """Ask its run to save a checkpoint and to end; or take it out of the queue."""


class Executor(Protocol):
    """What runs jobs.

    at_once: most jobs that it takes at a time; None for as many as there are.
    retries: how often a lost job is handed to it again.
    """

    @property
    def at_once(self) -> int | None: ...

    @property
    def retries(self) -> int: ...

    def submit(self, job: SweepJob, slot: int) -> Handle:
        """Start a job. slot: 0, 1, … below `at_once`; no other running job has it."""

    def close(self) -> None:
        """Free what belongs to the executor."""


def missing(package: str, extra: str) -> UsageError:
    """The error for an executor whose package is not installed."""
    return UsageError(
        f"this executor needs the package {package}; found none. Install it with pip install"
        f" 'flythinker-harness[{extra}]', or use --executor local, or --emit for the commands"
    )
