"""The built-in benchmark as a source: its rows are checked like those of any other."""

from __future__ import annotations

from collections.abc import Callable

from harness.data.floors import SKYLINE, Floor
from harness.data.rows import Row, parse_rows
from harness.data.tasks import Task
from harness.errors import UsageError
from harness.types import SplitData

Places = tuple[tuple[str, int, int], ...]
"""Kind of habit, and the characters [start, end) that show it."""


def read_mini(task: Task, setting: str, split: str, seed: int) -> list[Row]:
    """The built-in benchmark's rows for `seed`. Raises UsageError for a task that it lacks."""
    from harness.mini import rows

    try:
        values = rows(task.name, setting, split, seed=seed)
    except ValueError as error:
        raise UsageError(f"data.source = mini: {error}; name other data with --data") from error
    numbered = enumerate(values, start=1)
    places = ((f"mini {task.name} {split} row {n}", dict(row)) for n, row in numbered)
    return list(parse_rows(task, places))


def metrics(setting: str, split: str, seed: int) -> dict[str, dict[str, str | int]]:
    """Name of each metric that this source offers → the arguments to make it with."""
    return {"following": {"setting": setting, "split": split, "seed": seed}}


def skyline_of(test: SplitData) -> Floor:
    """The texts of a program that copies and substitutes, recorded beside the floors."""
    from harness.mini.skyline import skyline

    return Floor(
        SKYLINE,
        "the author's own sentences with the input's aspects put in",
        lambda: {each.id: skyline(each) for each in test.examples if each.profile},
    )


def habit_places(test: SplitData, setting: str, seed: int) -> Callable[[str, str], Places]:
    """Example id and a text → where the text shows its user's habits."""
    from harness.mini import calls
    from harness.mini.places import places

    known = calls(test.task, setting, test.split, seed=seed)
    return lambda example, text: places(known[example], text)


def rewriter(test: SplitData, setting: str, seed: int) -> Callable[[str, str], str]:
    """Example id and user of a split → a text that this user would write for the example's input.

    For the example's own user it is another text than the reference.
    """
    from harness.mini import rewrite

    return lambda example, user: rewrite(test.task, setting, test.split, example, user, seed=seed)
