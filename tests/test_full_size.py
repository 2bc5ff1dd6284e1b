"""The benchmark on full-size data: what it writes can be read, and its parts give their figures."""

from __future__ import annotations

import json

import pytest

from benchmarks import full_size
from benchmarks.full_size_data import SIZES, rows_of, write_data
from harness.data import load_splits
from harness.settings import DataSettings, RunSettings


@pytest.mark.parametrize("task", SIZES)
def test_the_data_have_the_sizes_of_their_table(task, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    scale = 8 / SIZES[task].rows["train"]
    data = DataSettings(source=str(write_data(tmp_path / task, task, scale, "jsonl.gz")))
    splits = load_splits(RunSettings(task=task, data=data))
    assert len(splits["train"].examples) == 8
    words = [len(one.text.split()) for one in splits["train"].references.values()]
    assert sum(words) / 8 == pytest.approx(SIZES[task].target, rel=0.5)
    assert list(rows_of(task, "val", scale)) == list(rows_of(task, "val", scale))


@pytest.mark.slow
def test_every_part_gives_its_figures(tmp_path):
    full_size.main(["--scale", "0.001", "--out", str(tmp_path / "out.json")])
    parts = json.loads((tmp_path / "out.json").read_text())["parts"]
    assert list(parts) == list(full_size.PARTS)
    for name in ("authors", "prompts", "limit"):
        for start in ("first", "second"):
            assert parts[name][start].keys() >= {"cpu_s", "wall_s", "peak_mib"}
    assert parts["authors"]["first"]["mrr"] == parts["authors"]["second"]["mrr"]
    assert parts["score"]["ratio"] > 0
    assert parts["score"]["faster"] > 0
