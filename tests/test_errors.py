"""A message stays readable whatever it quotes."""

import pytest

from harness.errors import LINE_CHARACTERS, DataError, brief, counted, mendable


def test_long_lines_lose_their_middle_and_long_messages_their_end():
    assert brief("short\nlines") == "short\nlines"
    found = brief("a" * 1_000_000 + "z\nend").splitlines()
    assert (found[0][:3], found[0][-3:], found[1]) == ("aaa", "aaz", "end")
    assert len(found[0]) == LINE_CHARACTERS + 3
    assert brief("line\n" * 1_000).splitlines()[-1] == "…"
    assert len(brief("line\n" * 1_000).splitlines()) == 61


def test_every_error_that_a_user_sees_is_brief():
    assert len(mendable(DataError("x" * 5_000))) < 1_100


@pytest.mark.parametrize(
    ("number", "words", "shown"),
    [
        (1, ("board",), "1 board"),
        (0, ("board",), "0 boards"),
        (1200, ("text",), "1,200 texts"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_a_noun_follows_its_number(number, words, shown):
    assert counted(number, *words) == shown


def test_a_library_that_panics_has_a_message():
    class PanicException(BaseException):
        """As pyo3 names it."""

    message = mendable(PanicException("Onig: Regex search error"))
    assert "a library stopped: Onig: Regex search error" in message
    assert "pattern in the backbone's tokenizer.json takes too long" in message
