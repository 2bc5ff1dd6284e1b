"""Analyses of users: what is asked, what counts as copied, and what is kept on disk."""

import pytest

from baselines import analysis
from baselines.analysis import Analysis, Ask, ask, copied_share, read_analyses, write_analyses
from harness.engine.text import encode_response
from harness.errors import DataError
from harness.types import Sampling

ONE_TO_TEN = "one two three four five six seven eight nine ten"

COPIES = [  # text, reference, share of the text's 8-grams
    (ONE_TO_TEN, ONE_TO_TEN, 1.0),  # 3 of 3
    ("One, two; THREE four five six seven eight!", ONE_TO_TEN, 1.0),  # 1 of 1, folded
    ("zero one two three four five six seven eight", ONE_TO_TEN, 0.5),  # one–eight of 2
    ("eight seven six five four three two one", ONE_TO_TEN, 0.0),
    ("one two three four five six seven", ONE_TO_TEN, 0.0),  # seven words: no 8-gram
    ("", ONE_TO_TEN, 0.0),
    (ONE_TO_TEN, "one two", 0.0),
]


@pytest.mark.parametrize(("text", "reference", "share"), COPIES)
def test_copied_share(text, reference, share):
    assert copied_share(text, reference) == share


def test_the_blind_request_does_not_hold_the_reference(world):
    tokenizer = world.shared.backbones.tokenizer
    asked = {
        variant: tokenizer.decode(ask(tokenizer, "a", variant, "a {tea} pot", "REF", 9).prompt)
        for variant in ("hindsight", "blind")
    }
    assert "REF" in asked["hindsight"]
    assert "REF" not in asked["blind"]
    assert all("a {tea} pot" in text for text in asked.values())


def test_a_long_reference_is_cut_to_the_target_budget(world):
    tokenizer = world.shared.backbones.tokenizer
    kept = encode_response(tokenizer, "quiet tea").ids
    text = tokenizer.decode(
        ask(tokenizer, "a", "hindsight", "x", "quiet tea pot lamp", len(kept)).prompt
    )
    assert "\n\nquiet tea\n\n" in text


def test_users_may_write_braces_and_markers(world):
    tokenizer = world.shared.backbones.tokenizer
    made = ask(tokenizer, "a", "hindsight", "{reference} {0}", "{prompt}", 99)
    assert "{reference} {0}" in tokenizer.decode(made.prompt)


ASKS = [Ask(f"e{number}", "blind", tuple(range(5, 8 + number))) for number in range(5)]


def write(world, path, temperature=0.8):
    return write_analyses(
        world.lm,
        world.shared.backbones.tokenizer,
        ASKS,
        Sampling(temperature, 1.0, 3),
        budget=6,
        batch_size=2,
        path=path,
    )


def test_what_is_on_disk_is_not_written_again(world, tmp_path, monkeypatch):
    path = tmp_path / "analyses.jsonl"
    first = write(world, path)
    assert set(first) == {each.example_id for each in ASKS}
    assert all(len(one.ids) <= 6 for one in first.values())
    monkeypatch.setattr(analysis, "generate", None)  # calling it would fail
    assert write(world, path) == first


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
    analysis._append([one], tmp_path / "a.jsonl")
    assert read_analyses(tmp_path / "a.jsonl") == [one]
