"""State files: whole or absent; a damaged one is said once and its work is done again."""

from dataclasses import dataclass

import pytest

from harness.errors import DataError
from harness.record.state import (
    append_lines,
    read_lines,
    read_state,
    write_json,
    write_lines,
)
from harness.types import Prediction


@dataclass(frozen=True)
class Kept:
    name: str
    numbers: tuple[float, ...]


KEPT = Kept("a", (1.0, 2.5))


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b'{"name": "a", "numb',
        b"\0" * 40,
        b"\xff\xfe",
        b'{"name": "a"}',
        b'{"name": 3, "numbers": []}',
        b"[" * 10_000,
        b'"text"',
    ],
)
def test_a_damaged_file_counts_as_absent_and_is_said_once(tmp_path, damage):
    path, said = tmp_path / "kept.json", []
    assert read_state(Kept, path, said.append) is None
    assert said == []
    write_json(path, KEPT)
    assert read_state(Kept, path, said.append) == KEPT
    path.write_bytes(damage)
    assert read_state(Kept, path, said.append) is None
    assert read_state(Kept, path, said.append) is None
    (message,) = said
    assert message.startswith(f"damaged, so its work is done again: {path}")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = write_json(tmp_path / "kept.json", KEPT)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, Kept("b", (float("nan"),)))
    assert read_state(Kept, path, pytest.fail) == KEPT
    assert [each.name for each in tmp_path.iterdir()] == ["kept.json"]


def text(name):
    return Prediction(name, "user", "some wörds\u2028", 2, "f", preface_ids=(1, 2))


def test_lines_are_appended_and_replaced(tmp_path):
    path = tmp_path / "lines.jsonl"
    assert read_lines(Prediction, path) == []
    append_lines(path, map(text, "ab"))
    append_lines(path, [text("c")])
    assert read_lines(Prediction, path) == [text("a"), text("b"), text("c")]
    write_lines(path, [text("d")])
    assert read_lines(Prediction, path, pytest.fail) == [text("d")]


def test_a_line_cut_short_by_an_interruption_is_dropped_without_a_word(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_lines(path, map(text, "ab"))
    whole = path.read_bytes()
    for end in range(whole.index(b"\n") + 1, len(whole) - 1):
        path.write_bytes(whole[:end])
        assert read_lines(Prediction, path) == [text("a")]
    assert read_lines(Prediction, path, pytest.fail) == [text("a")]
    assert path.read_bytes() == whole[: whole.index(b"\n") + 1]


@pytest.mark.parametrize("damage", ["{]", '{"id": 7}', "\0\0", '{"id": "a", "more": 1}'])
def test_a_damaged_line_is_refused_or_left_out(tmp_path, damage):
    path, said = tmp_path / "lines.jsonl", []
    append_lines(path, [text("a")])
    path.write_text(path.read_text() + damage + "\n")
    append_lines(path, [text("b")])
    with pytest.raises(DataError, match=r"lines\.jsonl line 2, "):
        read_lines(Prediction, path)
    assert read_lines(Prediction, path, said.append) == [text("a"), text("b")]
    assert said[0].startswith(f"damaged, so its work is done again: {path} line 2, ")
    assert read_lines(Prediction, path, pytest.fail) == [text("a"), text("b")]
