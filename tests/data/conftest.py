"""Tiny rows of the three tasks, a fresh cache for every test, and words as tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

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


def lines(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hf-cache"
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    return cache


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """write_folder(test=[rows or raw text], …) → the folder of those files."""

    def write(name: str = "reviews", **splits: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for split, rows in splits.items():
            text = rows if isinstance(rows, str | bytes) else lines(rows)
            raw = text if isinstance(text, bytes) else text.encode()
            (folder / f"{split}.jsonl").write_bytes(raw)
        return folder

    return write


def words(text: str) -> list[tuple[int, int]]:
    """Each word or punctuation mark is a token, so that a reader can check the counts."""
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
