"""harness sweep: all runs of a file, one by one or by an engine that runs several."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import typer
from rich.console import Console

from harness.cli.jobs import Failure, Job, Making
from harness.cli.options import RunsOptions
from harness.cli.screen import screen
from harness.cli.sweep_jobs import (
    Sweep,
    arguments,
    dependencies,
    log_name,
    names,
    read_sweep,
)
from harness.cli.sweep_screen import End, Screen, print_end
from harness.errors import UsageError, counted, did_you_mean
from harness.inputs.finished import finished
from harness.pipeline.lock import refuse_several_processes
from harness.pipeline.renewal import ONCE
from harness.pipeline.stops import stop_named
from harness.record import Outcome
from harness.sweeps.jobs import Executor, SweepJob
from harness.sweeps.local_jobs import LocalProcesses
from harness.sweeps.queue import Entry, run_queue

EXECUTORS = ("local", "slurm", "ray")
NO_OPTIONS = RunsOptions()
FOLDER = ".sweep"
"""Folder in the results for logs and for files of the executors."""


def sweep(
    file: Path,
    /,
    options: RunsOptions = NO_OPTIONS,
    executor: str = "local",
    jobs: int | None = None,
    out: Path | None = None,
    emit: bool = False,
    fresh: bool = False,
    until: str | None = None,
    processes: int = 1,
) -> None:
    """Run every combination of a file's values. Options override the file. Repeating the command
    resumes.

    Args:
        file: run file in which settings may have lists of values (docs/sweeps.md)
        executor (local|slurm|ray): what starts the runs: this machine, Slurm or Ray
        jobs (N): most runs at a time; default 1 for local, no limit for slurm and ray
        out: folder for the results; default results
        emit: print a shell command for each run, for another scheduler; start none
    """
    refuse_several_processes()
    if executor not in EXECUTORS:
        hint = did_you_mean(executor, EXECUTORS)
        raise UsageError(f"--executor {executor}; expected {', '.join(EXECUTORS)}.{hint}")
    stop = stop_named(until, "--until")
    for name, number in (("jobs", jobs), ("processes", processes)):
        if number is not None and number < 1:
            raise UsageError(f"--{name} {number}; expected a whole number from 1")
    asked = read_sweep(file, options, out)
    found, how = asked.jobs(), Making(asked.results, fresh, stop, processes)
    if emit:
        for job in found:
            words = arguments(job, asked.plugins, how)
            typer.echo(f"harness {shlex.join(words)}")
        return
    console, given = screen(), names(found)
    ends: dict[str, End] = {}
    if not fresh:
        for name, job in zip(given, found, strict=True):
            run = finished(job.settings, job.method, asked.plugins, asked.results)
            if run is not None:
                ends[name] = End("already complete", run[0].record)
    left = [(name, job) for name, job in zip(given, found, strict=True) if name not in ends]
    done = f", {len(ends)} of them complete" if ends else ""
    console.print(f"{counted(len(found), 'run')} in {asked.results}{done}", style="bold")
    if left:
        work = _Work(asked, left, how, file.stem)
        if executor == "local" and jobs in (None, 1) and processes == 1:
            ends |= work.in_order(console)
        else:
            ends |= work.queued(console, executor, jobs)
    print_end(console, {name: ends[name] for name in given}, asked.results, stop)
    raise typer.Exit(int(any(end.failed for end in ends.values())))


@dataclass(frozen=True)
class _Work:
    """The runs of a sweep that are not complete, each with its name.

    how: they are made.
    stem: name of the sweep's file, for the folder of its logs.
    """

    sweep: Sweep
    jobs: Sequence[tuple[str, Job]]
    how: Making
    stem: str

    def in_order(self, console: Console) -> dict[str, End]:
        """Run one by one in this process; name → how it ended."""

        ends: dict[str, End] = {}
        shown = Screen(console, len(self.jobs), at_once=1)
        entries = [Entry(SweepJob(name, job.method, (), Path(), Path())) for name, job in self.jobs]
        for entry, (name, job) in zip(entries, self.jobs, strict=True):
            entry.state, entry.begun = "running", time.monotonic()
            made = job.attempt(self.how)
            entry.seconds = time.monotonic() - entry.begun
            ends[name] = _end(made)
            entry.state = "failed" if ends[name].failed else "done"
            shown.line(entries, f"{name}: {ends[name].line(entry.seconds)}")
        return ends

    def queued(self, console: Console, executor: str, at_once: int | None) -> dict[str, End]:
        """Run through an executor; name → how it ended."""
        call = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"  # another may be at work
        folder = (self.sweep.results / FOLDER / self.stem / call).absolute()
        folder.mkdir(parents=True)
        needs = dependencies([job for _, job in self.jobs])
        environment = {ONCE: uuid4().hex} if self.how.fresh else {}
        asked = [
            SweepJob(
                name, job.method, arguments(job, self.sweep.plugins, self.how),
                folder / log_name(job), Path.cwd(), first, environment,
            )
            for (name, job), first in zip(self.jobs, needs, strict=True)
        ]  # fmt: skip
        engine = self._executor(executor, at_once, folder)
        try:
            with Screen(console, len(asked), engine.at_once) as shown:
                entries = run_queue(asked, engine, shown)
        finally:
            engine.close()
        return {
            name: self._ended(entry, job)
            for entry, (name, job) in zip(entries, self.jobs, strict=True)
        }

    def _ended(self, entry: Entry, job: Job) -> End:
        if entry.state == "failed":
            return End(f"failed: {entry.why}", None, entry.job.log)
        run = finished(job.settings, job.method, self.sweep.plugins, self.sweep.results)
        return End("done", run[0].record if run else None)

    def _executor(self, name: str, at_once: int | None, folder: Path) -> Executor:
        """The engine of a name. Raises UsageError where its package or its program is missing."""
        if name == "ray":
            from harness.sweeps.ray_jobs import RayTasks

            return RayTasks(self.sweep.file.ray, at_once)
        if name == "slurm":
            from harness.sweeps.slurm_jobs import SlurmJobs

            return SlurmJobs(folder / "slurm", self.sweep.file.slurm, at_once)
        return LocalProcesses(at_once or 1, self.how.processes)


def _end(made: Outcome | Failure) -> End:
    if isinstance(made, Failure):
        return End(f"failed: {made.text}", None)
    if made.exit_code:
        return End(f"failed: {counted(made.record.n.failed, 'example')} failed", made.record)
    return End("already complete" if made.repeated else "done", made.record)
