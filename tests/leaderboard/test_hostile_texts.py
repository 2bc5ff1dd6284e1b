"""Texts of submissions that mean harm: each is refused with a message that names the line."""

import json

import pytest

from harness.errors import DataError
from harness.leaderboard import untrusted
from harness.leaderboard.untrusted import read_texts
from tests.support.boards import add_row, rules, submission


def line(**fields):
    return json.dumps(fields) + "\n"


TEXTS = {
    "10 MB text": (line(id="a", output="x" * 10_000_000), "line 1: 10,000,"),
    "long text": (line(id="a", output="x" * 50_001), "at most 50000 characters"),
    "id twice": (line(id="a", output="x") * 2, "line 2: id 'a' is repeated in sample 0"),
    "path as id": (line(id="../a", output="x"), "'id': found '../a'"),
    "number as text": (line(id="a", output=3), "'output': found 3"),
    "further field": (line(id="a", output="x", code="y"), "'code'"),
    "half a line": ('{"id": "a", "out', "line 1: not valid JSON"),
    "nothing": ("", "no text; expected one JSON object per line"),
    "sample 1 alone": (line(id="a", output="x", sample=1), "samples [1]; expected 0 to 0"),
    "uneven samples": (
        line(id="a", output="x") + line(id="b", output="x", sample=1),
        "is not in both sample 0 and 1",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_bad_texts_are_refused_and_the_line_named(board, case):
    raw, message = TEXTS[case]
    folder = add_row(board, submission(rules(), 1))
    (folder / "predictions.jsonl").write_text(raw)
    with pytest.raises(DataError) as error:
        read_texts(folder)
    assert message in str(error.value)


def test_a_huge_file_of_texts_is_not_read(board, monkeypatch):
    folder = add_row(board, submission(rules(), 1))
    monkeypatch.setattr(untrusted, "PREDICTIONS_BYTES", 1000)
    with pytest.raises(DataError, match="bytes; at most 1,000 are allowed"):
        read_texts(folder)
