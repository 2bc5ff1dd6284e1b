"""What `harness plan` shows: examples, hours, memory and disk, and what they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console

from harness.cli.screen import warn
from harness.errors import counted
from harness.pipeline.estimate import rough
from harness.planning.costs import RunCost
from harness.planning.devices import Machine
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table

HOUR, GB, GIB = 3600, 1e9, 2**30
COLUMNS = (
    Column("run"), Column("n", kind="number", digits=0), Column("train"), Column("generate"),
    Column("≤"), Column("eval"), Column("GiB"),
    Column("GB", kind="number", digits=0),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """Runs that differ in their seed alone: how many there are, and the cost of each."""

    name: str
    costs: tuple[RunCost, ...]

    @property
    def task(self) -> str:
        return self.costs[0].task

    @property
    def memory(self) -> float:
        return max(cost.memory for cost in self.costs)

    @property
    def kept(self) -> float:
        return sum(cost.kept for cost in self.costs)


def print_costs(console: Console, lines: Sequence[Line], where: Machine) -> None:
    """Print the data, the runs and their sum, with what the numbers come from."""
    processes = where.processes
    cards = f" × {processes}" if processes > 1 else ""
    runs = sum(len(line.costs) for line in lines)
    console.print(f"{counted(runs, 'run')} on {where.title}{cards}", style="bold")
    print_table(console, _data_table(lines))
    for task in dict.fromkeys(line.task for line in lines):
        own = [line for line in lines if line.task == task]
        rows = [_row(line.name, [line], where) for line in own]
        if len(own) > 1:
            rows.append(_row("all", own, where))
        print_table(console, Table("plan", task, COLUMNS, tuple(rows)))
    checkpoint = max(cost.checkpoint for line in lines for cost in line.costs) / GB
    console.print(
        "n: runs; times are those of all n together. ≤: every text reaches decode.max_new_tokens."
        " GiB: memory of the largest process. GB: weights kept (train.keep_weights=false keeps"
        f" none); a run at work needs up to {checkpoint:,.1f} GB more",
        style="dim",
    )
    train, generate, most, evaluate = _seconds(lines)
    low, high = _sum((train, generate, evaluate)), _sum((train, most, evaluate))
    if low is not None and high is not None:
        up = f", at most {high / HOUR:,.1f}" if high > 1.05 * low else ""
        cards = f" of {processes} cards" if processes > 1 else ""
        kept = sum(line.kept for line in lines) / GB
        console.print(
            f"all runs: {low / HOUR:,.1f} h{cards}{up}; {kept:,.0f} GB kept", style="bold"
        )
    bases = dict.fromkeys(cost.basis for line in lines for cost in line.costs)
    console.print(f"times: {'; '.join(bases)}")
    warn(console, _notices(lines, where))


def _data_table(lines: Sequence[Line]) -> Table:
    """Examples of each task, and tokens and steps of its longest training."""
    largest: dict[str, RunCost] = {}
    for cost in (cost for line in lines for cost in line.costs):
        known = largest.setdefault(cost.task, cost)
        largest[cost.task] = max(known, cost, key=lambda each: each.tokens or 0.0)
    rows = [
        (task, *(cost.examples[name] for name in ("train", "val", "test")), cost.row,
         cost.steps or None, cost.tokens / 1e6 if cost.tokens else None)
        for task, cost in largest.items()
    ]  # fmt: skip
    titles = ("train", "val", "test", "row", "steps", "M tokens")
    columns = (Column("task"), *(Column(each, kind="number", digits=0) for each in titles))
    title = "examples, tokens of a row, steps and million tokens of a training"
    return Table("data", title, columns, tuple(rows))


def _row(name: str, lines: Sequence[Line], where: Machine) -> tuple[str | float, ...]:
    """One row for the lines, all their runs together."""
    memory = max(line.memory for line in lines)
    over = " (too large)" if memory > where.limit else ""
    times = ("?" if each is None else rough(each) if each else "" for each in _seconds(lines))
    return (f"{name}{over}", sum(len(line.costs) for line in lines), *times, f"{memory / GIB:.3g}",
            sum(line.kept for line in lines) / GB)  # fmt: skip


def _seconds(lines: Sequence[Line]) -> tuple[float | None, ...]:
    """Seconds of training, of generation, of generation at most, and of evaluation."""
    costs = [cost for line in lines for cost in line.costs]

    def of(phase: str) -> float | None:
        return _sum(cost.seconds[phase] if cost.seconds else None for cost in costs)

    return of("training"), of("generation"), _sum(cost.most for cost in costs), of("evaluation")


def _sum(values: Iterable[float | None]) -> float | None:
    found = list(values)
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None


def _notices(lines: Sequence[Line], where: Machine) -> list[str]:
    """Warnings: what does not fit, and what was never measured."""
    found = []
    over = [line.name for line in lines if line.memory > where.limit]
    if over:
        found.append(
            f"too large: more than the {where.limit / GIB:.0f} GiB of a card or machine, in"
            f" {len(over)} of {counted(len(lines), 'row')}. Try --processes N with --set"
            " train.sharding=full, --set model.adapter=lora, or a smaller reasoner"
        )
    untested = dict.fromkeys(
        each for line in lines for cost in line.costs for each in cost.untested
    )
    if untested:
        found.append(f"untested: {', '.join(untested)}")
    return found
