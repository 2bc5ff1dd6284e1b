"""What a sweep shows: a live table or lines while it runs, a table at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table as Grid

from harness.pipeline.stops import Until
from harness.progress import clock_time
from harness.record import Record
from harness.reports.render.table import Column, Table
from harness.reports.render.terminal import print_table
from harness.sweeps.queue import Entry, time_left

MOST_ROWS = 12
"""Rows of the live table at least; a high terminal shows more."""
AROUND = 6
"""Lines of a terminal that the live table leaves free."""
WIDTHS = {"state": 7, "progress": 20, "time": 8}
"""Characters of the live table's columns beside the run's name."""
ORDER = ("running", "queued", "failed", "waiting", "done")
"""States in the live table, the first to look at first."""


@dataclass(frozen=True)
class End:
    """How a run of a sweep ended. text: `done`, or `failed: …`. log: what a failed one printed."""

    text: str
    record: Record | None
    log: Path | None = None

    @property
    def failed(self) -> bool:
        return self.text.startswith("failed")

    def line(self, seconds: float) -> str:
        """The end, with the time that a finished run took."""
        return f"{seconds:.0f} s" if self.text == "done" else self.text


class Screen:
    """Shows the runs of a sweep while they are at work.

    console: where.
    total: number of runs.
    at_once: runs at a time; None for no limit.
    """

    def __init__(self, console: Console, total: int, at_once: int | None) -> None:
        self._console, self._total, self._at_once = console, total, at_once
        live = console.is_terminal and not console.is_jupyter
        self._live = Live(console=console, auto_refresh=False, transient=True) if live else None

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, entries: Sequence[Entry], message: str) -> None:
        """Show all runs; `message` says what happened to one of them, "" if nothing did."""
        if message:
            self.line(entries, message)
        if self._live:
            self._live.update(self._table(entries), refresh=True)

    def line(self, entries: Sequence[Entry], message: str) -> None:
        """Print what happened to a run, with how many have ended and the time left."""
        ended = sum(not entry.open for entry in entries)
        left = time_left(entries, self._at_once) if ended < self._total else None
        after = f" · about {clock_time(left)} left" if left is not None else ""
        failed = "failed" in message
        self._console.print(
            f"{ended}/{self._total} {message}{after}", style="red" if failed else None,
            soft_wrap=True,
        )  # fmt: skip

    def _table(self, entries: Sequence[Entry]) -> Grid:
        """The runs, those at work first; as many as the terminal is high."""
        counts = {state: sum(entry.state == state for entry in entries) for state in ORDER}
        left = time_left(entries, self._at_once)
        title = " · ".join(f"{count} {state}" for state, count in counts.items() if count)
        if left is not None:
            title += f" · about {clock_time(left)} left"
        grid = Grid(title=title, title_justify="left", box=None, pad_edge=False)
        room = self._console.width - sum(WIDTHS.values()) - 2 * len(WIDTHS)
        grid.add_column("run", no_wrap=True, width=room)
        for name, wide in WIDTHS.items():
            grid.add_column(name, no_wrap=True, width=wide)
        most = max(self._console.height - AROUND, MOST_ROWS)
        ordered = sorted(entries, key=lambda entry: ORDER.index(entry.state))
        for entry in ordered[:most]:
            spent = entry.seconds
            if spent is None and entry.begun is not None:
                spent = time.monotonic() - entry.begun
            grid.add_row(
                _cut(entry.job.name, room),
                entry.state,
                entry.progress if entry.state == "running" else "",
                clock_time(spent) if spent is not None else "",
            )
        if len(ordered) > most:
            grid.add_row(f"… and {len(ordered) - most} more", "", "", "")
        return grid


def _cut(name: str, room: int) -> str:
    """A name without its middle where it is too long: runs differ at its end."""
    if len(name) <= room:
        return name
    start = (room - 1) // 3
    return f"{name[:start]}…{name[len(name) - (room - 1 - start) :]}"


def print_end(
    console: Console, ends: Mapping[str, End], results: Path, until: Until | None = None
) -> None:
    """Print how each run ended, and what to do next.

    until: where the runs were to stop, if not at their end.
    """
    first = next((end.record for end in ends.values() if end.record is not None), None)
    metric = next(iter(first.metrics), None) if first else None
    rows = tuple(
        (
            name,
            "failed" if end.failed else end.text,
            end.record.metrics[metric].value
            if end.record and metric is not None and metric in end.record.metrics
            else None,
            end.record.wall_s if end.record else None,
        )
        for name, end in ends.items()
    )
    columns = (
        Column("run"), Column("state"), Column(metric or "score", kind="number"),
        Column("seconds", kind="number", digits=0),
    )  # fmt: skip
    failed = {name: end for name, end in ends.items() if end.failed}
    title = f"{len(ends) - len(failed)} of {len(ends)} runs done"
    print_table(console, Table("sweep", title, columns, rows))
    for name, end in failed.items():
        console.print(f"{name}: {end.text}", style="red", soft_wrap=True)
        if end.log is not None:
            console.print(f"  all that it printed: {end.log}", soft_wrap=True)
    if failed:
        console.print("Repeating the command runs the failed ones again", style="dim")
    if len(failed) < len(ends):
        complete = all(
            end.record is not None and end.record.status != "running"
            for name, end in ends.items()
            if name not in failed
        )
        step = f"harness compare {results} --out report"
        if until is not None and not complete:
            step = "the same command without --until"
        console.print(f"next: {step}", style="bold", soft_wrap=True)
