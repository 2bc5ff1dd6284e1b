"""Pictures of the terminal: the run's table, as text, with nothing from elsewhere."""

import re

from benchmarks.terminal import main
from tests.support.synthetic import write_runs


def test_a_picture_is_the_runs_screen_and_loads_nothing(tmp_path, capsys):
    (run,) = write_runs(tmp_path, ["sft"], ["product_review"])
    assert main([f"run={run}", "--out", str(tmp_path)]) == 0
    svg = (tmp_path / "run.svg").read_text(encoding="utf-8")
    assert "bleu" in svg
    assert "harness&#160;run&#160;--method&#160;sft" in svg or "harness run --method sft" in svg
    assert "font-face" not in svg
    assert set(re.findall(r"https?://[\w./]+", svg)) <= {"http://www.w3.org/2000/svg"}


def test_a_folder_without_a_run_is_named(tmp_path, capsys):
    assert main([f"run={tmp_path}", "--out", str(tmp_path)]) == 2
    assert "no record" in capsys.readouterr().err
