"""Writing analyses: what is kept on disk is not written again."""

import pytest

from baselines.analysis import writing
from baselines.analysis.asking import Ask
from baselines.analysis.writing import Analysis, read_analyses, write_analyses
from harness.errors import DataError
from harness.types import Sampling

ASKS = [Ask(f"e{number}", "blind", tuple(range(5, 8 + number))) for number in range(5)]


def write(world, path, temperature=0.8, on_batch=None):
    return write_analyses(
        world.lm,
        world.shared.rules,
        ASKS,
        Sampling(temperature, 1.0, 3),
        budget=6,
        batch_size=2,
        path=path,
        on_batch=on_batch,
    )


def test_what_is_on_disk_is_not_written_again(world, tmp_path, monkeypatch):
    path = tmp_path / "analyses.jsonl"
    first = write(world, path)
    assert set(first) == {each.example_id for each in ASKS}
    assert all(len(one.ids) <= 6 for one in first.values())
    monkeypatch.setattr(writing, "generate", None)  # calling it would fail
    assert write(world, path) == first


def test_every_batch_is_told(world, tmp_path):
    told = []
    write(world, tmp_path / "a.jsonl", on_batch=lambda *words: told.append(words))
    assert [(done, total) for done, total, _ in told] == [(2, 5), (4, 5), (5, 5)]
    assert all(note.endswith(" tokens/s") for _, _, note in told)


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
def test_an_interrupted_writing_goes_on_to_the_same_analyses(world, tmp_path, kept):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    known = write(world, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[:kept]) + lines[kept][:17])
    assert write(world, cut) == known
    assert sorted(cut.read_bytes().splitlines()) == sorted(whole.read_bytes().splitlines())


def test_without_a_folder_nothing_is_kept(world, tmp_path):
    assert write(world, None) == write(world, tmp_path / "a.jsonl")


def test_a_spoilt_line_says_where_it_is(tmp_path):
    path = tmp_path / "analyses.jsonl"
    path.write_text('{"example_id": "a"}\n{"no": 1}\n')
    with pytest.raises(DataError, match=r"analyses\.jsonl line 1: not an analysis: 'ids'"):
        read_analyses(path)


def test_an_analysis_survives_its_file(tmp_path):
    one = Analysis("a", "blind", (1, 2), "gä\n", ended=True)
    writing._append([one], tmp_path / "a.jsonl")
    assert read_analyses(tmp_path / "a.jsonl") == [one]
