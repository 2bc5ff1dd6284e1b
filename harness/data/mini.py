"""The built-in benchmark as a source: its rows go the same way as everyone's."""

from __future__ import annotations

from harness.data.rows import Row, parse_rows
from harness.data.tasks import Task


def read_mini(task: Task, setting: str, split: str, seed: int) -> list[Row]:
    from harness.mini import rows

    values = rows(task.name, setting, split, seed=seed)
    return parse_rows(
        task,
        ((f"mini {task.name} {split} row {n}", dict(row)) for n, row in enumerate(values, start=1)),
    )
