"""Planted writers land where they belong: one copies, one knows the subject, one the habits."""

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import DataError
from harness.record.token_file import TOKENS
from harness.reports.compare_runs import compare
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs import systems
from harness.reports.runs.boards import load_boards
from harness.reports.tokens.copied import split_of
from harness.reports.tokens.copied_part import WORDS, copied_part, sentence
from harness.reports.tokens.gains import tokens_of
from tests.support.planted_writers import copier, habits_only, subject_only, write_planted

WRITERS = {"copier": copier, "subject": subject_only, "habits": habits_only}
BELONGS = {"copier": "copy", "subject": "subject", "habits": "style"}


def knows_nothing(profile, words):
    return 0.01


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("planted")
    write_planted(out, {**WRITERS, "nobody": knows_nothing})
    return out


@pytest.fixture(scope="module")
def splits(runs):
    (board,), _ = load_boards([runs])
    found, left_out = tokens_of(board)
    assert left_out == ""
    return {one.system.name: split_of(one) for one in found}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_planted_writer_lands_where_it_belongs(splits, writer):
    found = splits[writer]
    for each in found.kinds:
        # an interval has no ends where most users tie, as those to whom nothing else gives a gain
        low, high = (end or each.share.value for end in (each.share.low, each.share.high))
        if each.kind == BELONGS[writer]:
            assert low > 90
            assert each.gain.low > 0
            assert each.per_token.value > 0.5
        else:
            assert high < 10
    named = [word for word in WORDS.values() if word in sentence(found)]
    first = min(named, key=sentence(found).index)
    assert first == WORDS[BELONGS[writer]]


def test_the_parts_add_up_to_the_gain(splits):
    for found in splits.values():
        assert sum(each.gain.value for each in found.kinds) == pytest.approx(found.total.value)
        assert sum(each.tokens.value for each in found.kinds) == pytest.approx(100)
    assert sum(each.share.value for each in splits["habits"].kinds) == pytest.approx(100)


def test_a_share_of_tokens_lies_between_0_and_100(runs):
    (board,), _ = load_boards([runs])
    found = tokens_of(board)[0][0]
    (run,) = found.runs
    # all tokens of one user, and the first of seven others; a text of each
    rare = (run.example == 0) | (run.example < 8) & (run.position == 0)
    run = replace(run, kind=np.where(rare, 0, 2).astype(np.int8))
    copied, _, style = split_of(replace(found, runs=(run,))).kinds
    assert (copied.tokens.low, style.tokens.high) == (0, 100)
    assert copied.tokens.high > copied.tokens.value > 0


def test_no_gain_is_not_split(splits):
    found = splits["nobody"]
    assert all(each.share.value is None for each in found.kinds)
    assert "shows no gain, so" in sentence(found)


def test_the_page_has_the_sentence_the_figure_and_the_numbers(runs):
    document = compare([runs])
    section = next(one for one in document.sections if one.name == "copied")
    assert section.text[1].startswith("copier: the gain of the user's own profile is 10")
    assert "copied phrases" in section.text[1]
    assert [one.name for one in section.pictures] == ["copied_product_review"]
    main, positions = section.tables
    assert [str(row[0]) for row in main.shown()[:3]] == [
        "copied phrases",
        "words of the subject",
        "style",
    ]
    assert positions.folded
    (board,) = document.facts["boards"]
    facts = {one["system"]: one for one in board["copied"]}
    assert facts["subject"]["kinds"]["subject"]["share"]["value"] > 90


def test_the_note_counts_slice_tokens_in_which_no_token_ends(runs, monkeypatch):
    (compared,) = compare_boards(load_boards([runs])[0])
    assert "backbone ends, all but 0.0 %. 95 %" in copied_part(compared).tables[0].notes[0]
    (first, *others), _ = tokens_of(compared.board)
    (run,) = first.runs
    ends = run.slice_token % 4 != 3
    columns = ("example", "position", "slice_token", "kind", "nll")
    run = replace(run, **{name: getattr(run, name)[ends] for name in columns})
    found = [replace(first, runs=(run,)), *others]
    monkeypatch.setattr("harness.reports.tokens.copied_part.tokens_of", lambda board: (found, ""))
    share, same = f"{100 * (1 - ends.mean()):.1f}", ", ".join(one.system.name for one in others)
    note = copied_part(compared).tables[0].notes[0]
    assert f"ends, all but {share} % ({first.system.name}), 0.0 % ({same}). 95 %" in note


def test_a_system_without_tokens_is_named_and_a_changed_file_is_refused(runs):
    (board,), _ = load_boards([runs])
    folder = board.systems[0].runs[0].folder
    content = (folder / TOKENS).read_bytes()
    try:
        (folder / TOKENS).unlink()
        compared = compare_boards([load_boards([runs])[0][0]])[0]
        part = copied_part(compared)
        assert f"not evaluated: {board.systems[0].name}" in part.tables[0].notes[-1]
        (folder / TOKENS).write_bytes(content + b"x")
        compared = compare_boards([load_boards([runs])[0][0]])[0]  # a run's file is read once
        with pytest.raises(DataError, match=TOKENS):
            copied_part(compared)
    finally:
        (folder / TOKENS).write_bytes(content)


def test_a_text_without_a_value_leaves_its_system_the_others(runs):
    (board,), _ = load_boards([runs])
    first, second, *_ = board.systems
    first.runs[0].tokens.nll[first.runs[0].tokens.example == 3, 0] = np.nan
    second.runs[0].tokens.nll[:, 1] = np.nan
    found, left_out = tokens_of(board)
    assert left_out == f"not evaluated: {second.name}"
    of_first = next(one for one in found if one.system.name == first.name)
    assert of_first.board.ids == tuple(key for at, key in enumerate(board.ids) if at != 3)
    assert np.isfinite(split_of(of_first).total.value)


def test_a_page_reads_each_file_once(runs, monkeypatch):
    read, reads = systems.read_tokens, []

    def counted(folder, record):
        reads.append(folder)
        return read(folder, record)

    monkeypatch.setattr(systems, "read_tokens", counted)
    compare([runs])
    assert len(reads) == len(set(reads)) > 0
