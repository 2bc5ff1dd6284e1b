"""Tiny rows of the three tasks, a fresh cache for every test, and words as tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.task_rows import WriteFolder, lines


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hf-cache"
    monkeypatch.setenv("HF_DATASETS_CACHE", str(cache))
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
