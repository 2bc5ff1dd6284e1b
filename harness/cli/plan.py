"""harness plan: what the runs of a file will cost, before they cost it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.cli.jobs import Job
from harness.cli.options import RunsOptions
from harness.cli.plan_screen import Line, print_costs
from harness.cli.screen import print_json, screen, warn
from harness.cli.sweep_jobs import dependencies, names, read_sweep
from harness.errors import UsageError
from harness.pipeline.method_training import unused_reasoner
from harness.planning.costs import RunCost, run_cost
from harness.planning.devices import Machine, device_called, device_named

NO_OPTIONS = RunsOptions()


def plan(
    file: Path,
    /,
    options: RunsOptions = NO_OPTIONS,
    device: str | None = None,
    processes: int = 1,
    out: Path | None = None,
    json_: bool = False,
) -> None:
    """Show what the runs of a file will cost. Tokens, hours, memory, disk; rows of data are
    counted, not loaded. Options override the file.

    Args:
        file: run file or sweep (docs/plan.md)
        device (NAME): a GPU: h100, h200, a100-80, l40s or 4090; default this machine
        out: folder of earlier runs, which show the speed of this machine; default results
    """
    if processes < 1:
        raise UsageError(f"--processes {processes}; expected a whole number from 1")
    asked = read_sweep(file, options, out)

    jobs = asked.jobs()
    where = replace(_machine(device, jobs), processes=processes)
    lines = _lines(jobs, asked.results, where)
    if json_:
        print_json(_document(lines, where))
        return
    console = screen()
    print_costs(console, lines, where)
    warn(console, _unused_reasoners(jobs))


def _unused_reasoners(jobs: Sequence[Job]) -> list[str]:
    """A line for each method that does not take the reasoner that its runs name."""
    found = (unused_reasoner(job.method, job.factory, job.settings) for job in jobs)
    return list(dict.fromkeys(filter(None, found)))


def _machine(name: str | None, jobs: Sequence[Job]) -> Machine:
    """The named device, or this machine: its GPU if one of the runs uses it."""
    if name is not None:
        return device_named(name).cards()
    import psutil
    import torch

    from harness.engine.devices import uses_gpu

    if any(uses_gpu(job.settings.model.device) for job in jobs):
        title = torch.cuda.get_device_name()
        total = float(torch.cuda.get_device_properties(0).total_memory)
        return Machine(title, total, device_called(title), gpu=True)
    return Machine("this machine's CPU", float(psutil.virtual_memory().total), None, gpu=False)


def _lines(jobs: Sequence[Job], results: Path, where: Machine) -> list[Line]:
    """The runs with their costs, those of one setting together."""
    needs = dependencies(jobs)
    grouped: dict[str, list[RunCost]] = {}
    for name, job, first in zip(names(jobs), jobs, needs, strict=True):
        shares = any(jobs[at].settings.seed == job.settings.seed for at in first)
        cost = run_cost(job.method, job.settings, results, where, trained=shares)
        grouped.setdefault(name.replace(f" · seed {job.settings.seed}", ""), []).append(cost)
    return [
        Line(name.replace(f" · {costs[0].task}", ""), tuple(costs))
        for name, costs in grouped.items()
    ]


def _document(lines: Sequence[Line], where: Machine) -> dict[str, Any]:
    """What --json prints."""
    return {
        "device": where.title,
        "processes": where.processes,
        "limit_bytes": where.limit,
        "runs": [{"name": line.name, **asdict(cost)} for line in lines for cost in line.costs],
    }
