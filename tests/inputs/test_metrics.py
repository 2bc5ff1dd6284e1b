"""What a metric's numbers come from, known without importing its tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.inputs.metrics import metric_input


def test_built_in_metrics_name_their_tools():
    assert metric_input("bleu").startswith("sacrebleu ")
    assert metric_input("rougeL").startswith("rouge_score ")
    assert metric_input("meteor").startswith("nltk ")
    assert "wordnet " in metric_input("meteor")


@pytest.mark.parametrize("edited", ["score.py", "beside.py"])
def test_a_script_counts_with_its_local_imports(tmp_path: Path, edited: str):
    (tmp_path / "score.py").write_text("from .beside import X\nimport evaluate\n")
    (tmp_path / "beside.py").write_text("X = 1\n")
    name = f"evaluate:{tmp_path / 'score.py'}?factor=2"
    before = metric_input(name)
    (tmp_path / "unrelated.py").write_text("Y = 1\n")
    assert metric_input(name) == before
    (tmp_path / edited).write_text((tmp_path / edited).read_text() + "Z = 2\n")
    assert metric_input(name) != before


def test_a_hub_script_counts_by_its_cached_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path))
    before = metric_input("evaluate:wer")
    kept = tmp_path / "evaluate_modules" / "metrics" / "evaluate-metric--wer" / "abc"
    kept.mkdir(parents=True)
    (kept / "wer.py").write_text("import jiwer\n")
    assert metric_input("evaluate:wer") != before


def test_a_folder_with_the_name_of_a_hub_metric_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """evaluate reads a local folder only if a script of its name is in it."""
    kept = tmp_path / "evaluate_modules" / "metrics" / "evaluate-metric--wer" / "abc" / "wer.py"
    kept.parent.mkdir(parents=True)
    (tmp_path / "wer").mkdir()
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    kept.write_text("a = 1\n")
    before = metric_input("evaluate:wer")
    kept.write_text("a = 2\n")
    assert metric_input("evaluate:wer") != before
    (tmp_path / "wer" / "wer.py").write_text("a = 1\n")
    local = metric_input("evaluate:wer")
    kept.write_text("a = 3\n")
    assert metric_input("evaluate:wer") == local


@pytest.mark.parametrize("name", ["style:{}", "bertscore:{}?layer=1"])
def test_an_encoder_counts_by_its_files(tmp_path: Path, name: str):
    (tmp_path / "config.json").write_text("{}")
    before = metric_input(name.format(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert metric_input(name.format(tmp_path)) != before
