"""Rows of a task's data file, made up, and where the real ones are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.settings import DataSettings, RunSettings

REAL = Path(__file__).parents[3] / "shared" / "data" / "real"
Row = dict[str, Any]
WriteFolder = Callable[..., Path]


def review(user: str = "u1", number: int = 1, entries: int = 2, **changes: Any) -> Row:
    profile = [
        {
            "overall": "5.0",
            "description": f"cup {n} of {user}",
            "summary": f"fine {n}",
            "reviewText": f"It holds tea number {n}.",
        }
        for n in range(entries)
    ]
    row = {
        "reviewerId": user,
        "input": f'Write the review of "pot {number}".',
        "output": f"The pot {number} of {user} pours well and stays warm.",
        "profile": profile,
    }
    return {**row, **changes}


def read_folder(*given: Any) -> list[Any]:
    """The rows that `harness.data.folder.read_folder` reads."""
    from harness.data.folder import read_folder

    return list(read_folder(*given).rows)


def lines(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def words(text: str) -> list[tuple[int, int]]:
    """Each word or punctuation mark is a token, so that a reader can check the counts."""
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


def settings(source: object, task: str = "product_review", **data: Any) -> RunSettings:
    """Those of a run on the data of `source`."""
    return RunSettings(task=task, data=DataSettings(source=str(source), **data))


def write_lines(folder: Path, rows: list[Any]) -> None:
    """Write the rows as the test split of a folder."""
    (folder / "test.jsonl").write_text(lines(rows))
