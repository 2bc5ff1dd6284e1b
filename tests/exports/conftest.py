"""Results folders of made-up runs."""

from pathlib import Path

import pytest

from tests.support.synthetic import write_runs


@pytest.fixture
def results(tmp_path) -> Path:
    write_runs(tmp_path / "runs", ["sft", "rag"], ["product_review"], examples=30)
    write_runs(tmp_path / "runs", ["cot"], ["product_review"], changes={"status": "running"})
    write_runs(tmp_path / "runs", ["floor-words"], ["product_review"], changes={"kind": "floor"})
    return tmp_path / "runs"
