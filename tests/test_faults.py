"""Faults tried on purpose: a case of each kind, and the table that is made of them."""

import json
import os

import pytest

from benchmarks import faults
from benchmarks.fault_kinds import DAMAGES, Tried
from benchmarks.fault_world import OWN


@pytest.mark.slow
@pytest.mark.parametrize("kind", faults.KINDS)
def test_a_run_survives_each_kind_of_fault(tmp_path, monkeypatch, capsys, kind):
    for name in ("HF_HOME", "HARNESS_CACHE", "OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # put back afterwards
    if kind in ("full_disks", "no_inodes") and os.geteuid():
        pytest.skip("mounting a file system needs root")
    code = faults.main(["--work", str(tmp_path), "--only", kind, "--number", "1"])
    assert code == 0, capsys.readouterr().out


def test_finished_cases_are_kept_and_fill_the_page(tmp_path, capsys):
    """Nothing is tried again: a page is made from the results alone."""
    rows = [("kills", f"{method} 0", 2, {"steps": 2}, None) for method in OWN]
    rows += [("pairs", "0", 1, {"refused": 1}, None), ("damages", "0", 1, {"a: cut": 1}, "lost")]
    names = ("kind", "case", "tried", "by", "fault")
    lines = [json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows]
    (tmp_path / "results.jsonl").write_text("".join(lines))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{faults.BEGIN}\nold\n{faults.END}\nafter\n")
    words = ["--work", str(tmp_path), "--number", "1", "--page", str(page)]
    assert (
        faults.main([*words, "--only", "kills,pairs,damages"]) == 1
    )  # the damage was not survived
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "of each phase of four methods (steps 8) | 8 | 8 |" in text
    assert "(refused 1) | 1 | 1 |" in text
    assert "damaged file of a run (1 file: " in text
    assert "| 1 | 0 |" in text
    assert "damages 0: lost" in text


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_changes_a_file(kind):
    import random

    content = bytes(range(1, 256)) * 3
    damaged = DAMAGES[kind](content, random.Random(1))
    assert damaged != content
    assert len(damaged) <= len(content)


def test_a_case_without_faults_is_said():
    assert "| 3 | 3 |" in faults._table(["pairs"], {("pairs", "0"): Tried(3, {}, None)})
