"""harness runs: what lies in a results folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.cli.options import RESULTS
from harness.cli.screen import print_json, screen
from harness.errors import DataError, counted
from harness.record import Record, find_runs, read_record
from harness.reports.render.table import Column, Table, show
from harness.reports.render.terminal import print_table

NUMBER = Column("", kind="number")
COLUMNS = (Column("run"), Column("status"), Column("first metric"), Column("age"))


def runs(folder: Path = RESULTS, /, floors: bool = False, json_: bool = False) -> None:
    """List the runs in a folder: status, first metric, age.

    Args:
        folder: folder of runs
        floors: list the floors too
    """
    found = [one for one in listed(folder) if floors or one.kind != "floor"]
    if json_:
        print_json([vars(one) for one in found])
        return
    now = datetime.now(UTC)
    rows = tuple(
        (
            str(Path(one.run).relative_to(folder)), one.status,
            f"{one.metric} {show(NUMBER, one.value)}" if one.metric else one.error,
            age(one.started, now),
        )
        for one in found
    )  # fmt: skip
    unfinished = sum(one.status == "running" for one in found)
    print_table(screen(), Table("runs", f"{counted(len(found), 'run')} in {folder}", COLUMNS, rows))
    if unfinished:
        screen().print(f"{unfinished} not finished: repeat their commands to resume", style="dim")


@dataclass(frozen=True)
class Listed:
    """One run. status: of its record, or `unreadable`. run: its folder."""

    run: str
    task: str = ""
    method: str = ""
    kind: str = "run"
    seed: int | None = None
    status: str = "unreadable"
    metric: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    started: str = ""
    error: str = ""


def listed(folder: Path) -> Iterator[Listed]:
    """Every run at or below a folder. Raises DataError if there is none."""
    for path in find_runs([folder]):
        try:
            yield _listed(path, read_record(path))
        except DataError as error:
            yield Listed(str(path), error=str(error).splitlines()[0])


def _listed(path: Path, record: Record) -> Listed:
    name, score = next(iter(record.metrics.items()), ("", None))
    return Listed(
        str(path), record.task, record.method, record.kind, record.seed, record.status, name,
        score and score.value, score and score.low, score and score.high, record.started,
    )  # fmt: skip


def age(started: str, now: datetime) -> str:
    """How long ago a run began: `3 h`, `12 d`; "" if that is unknown."""
    try:
        past = now - datetime.fromisoformat(started)
    except (ValueError, TypeError):
        return ""
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        if past >= size:
            return f"{past // size} {unit}"
    return f"{max(past // timedelta(minutes=1), 0)} min"
