"""Generating analyses: those on disk are not generated again."""

import pytest

from baselines.analysis import generation
from baselines.analysis.generation import Analysis, Generator
from baselines.analysis.request import Request
from harness.record import append_lines, read_lines
from harness.types import Sampling

REQUESTS = [Request(f"e{number}", "blind", tuple(range(5, 8 + number))) for number in range(5)]


def run(world, path, temperature=0.8, on_batch=None):
    sampling = Sampling(temperature, 1.0, 3)
    generator = Generator(world.lm, world.shared.rules, sampling, 6, 2, path, on_batch)
    return generator.analyses(REQUESTS)


def test_analyses_on_disk_are_not_generated_again(world, tmp_path, monkeypatch):
    path = tmp_path / "analyses.jsonl"
    first = run(world, path)
    assert set(first) == {each.example_id for each in REQUESTS}
    assert all(len(analysis.ids) <= 6 for analysis in first.values())
    monkeypatch.setattr(generation, "generate", None)  # calling it would fail
    assert run(world, path) == first


def test_every_batch_is_reported(world, tmp_path):
    reports = []
    run(world, tmp_path / "a.jsonl", on_batch=lambda *words: reports.append(words))
    assert [(done, total) for done, total, _ in reports] == [(2, 5), (4, 5), (5, 5)]
    assert all(note.endswith(" tokens/s") for _, _, note in reports)


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
def test_an_interrupted_run_continues_to_the_same_analyses(world, tmp_path, kept):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    known = run(world, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[:kept]) + lines[kept][:17])
    assert run(world, cut) == known
    assert sorted(cut.read_bytes().splitlines()) == sorted(whole.read_bytes().splitlines())


def test_without_a_folder_nothing_is_kept(world, tmp_path):
    assert run(world, None) == run(world, tmp_path / "a.jsonl")


def test_damaged_analyses_are_generated_again_and_said(world, tmp_path, caplog):
    path = tmp_path / "analyses.jsonl"
    known = run(world, path)
    lines = path.read_text().splitlines(keepends=True)
    flipped = lines[1].replace('"ids": [', '"ids": [1')
    path.write_text(lines[0] + flipped + '{"no": 1}\n' + "".join(lines[2:]))
    assert run(world, path) == known
    assert [part.message.count("\n") for part in caplog.records] == [0, 3]
    assert "line 2: its content is not that of its checksum" in caplog.text
    assert sorted(path.read_text().splitlines()) == sorted("".join(lines).splitlines())


def test_an_analysis_survives_its_file(tmp_path):
    analysis = Analysis("a", "blind", (1, 2), "gä\n", ended=True, generated=3)
    append_lines(tmp_path / "a.jsonl", [analysis])
    assert read_lines(Analysis, tmp_path / "a.jsonl") == [analysis]
