"""Names and links on the page: visible, in plain letters, and what they look like."""

import json
import re

import pytest

from harness.errors import DataError
from harness.leaderboard import verify_rows
from harness.leaderboard.board import read_board
from harness.leaderboard.duplicates import Originals
from harness.leaderboard.public_names import plain_link, plain_name, skeleton
from harness.leaderboard.untrusted import read_submission
from harness.leaderboard.verify_rows import (
    CHARACTERS_PER_TOKEN,
    MEAN_CHARACTERS_PER_TOKEN,
    verify_row,
)
from tests.support.boards import add_row, make_board, rules, submission

CYRILLIC_A = "\u0430"
NAMES = {
    "   ": "shows a letter",
    "\u3164": "shows a letter",
    "\u2800\u2800": "shows a letter",
    " FlyThinker": "without spaces around it",
    "FlyThinker\u2009": "without spaces around it",
    "ＦｌｙThinker": "expected plain letters, such as 'FlyThinker'",
    "𝐅lyThinker": "expected plain letters, such as 'FlyThinker'",
    f"r{CYRILLIC_A}g": "mixes Latin letters with U+0430, which looks like 'a'",
    "Flу Thinker": "mixes Latin letters with U+0443, which looks like 'y'",
    "cοt": "mixes Latin letters with U+03BF, which looks like 'o'",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_trusted_is_refused(name):
    with pytest.raises(ValueError, match=re.escape(NAMES[name])):
        plain_name(name)


@pytest.mark.parametrize(
    "name",
    ["FlyThinker", "λ = 0.5", "FlyThinker λ", "Группа Иванова", "José", "研究組", "K-means (2)"],
)
def test_usual_names_of_any_script_are_kept(name):
    assert plain_name(name) == name


def test_names_that_look_alike_have_one_skeleton():
    same = ("FlyThinker", "flythinker", "Fly Thinker", "FIyThinker", "F1yThinker")
    assert len(set(map(skeleton, same))) == 1
    assert skeleton("рау") == skeleton("pay")  # Cyrillic throughout
    assert len(set(map(skeleton, ("v1.1", "v11", "v12", "rag", "sft")))) == 5


LINKS = {
    "https://github.com@evil.org/x": "no user name before it",
    "https://user:secret@github.com": "no user name before it",
    "https://github.com\\@evil.org": "expected https://HOST/PATH",
    "https://xn--gthub-n4a.com/": "found an encoded one",
    "https://gìthub.com/": "in ASCII",
    "http://github.com": "expected https://HOST/PATH",
    "https://localhost/x": "expected https://HOST/PATH",
    "https://127.0.0.1/": "expected https://HOST/PATH",
    "https://-a.org/": "expected https://HOST/PATH",
    "javascript:alert(1)//https://a.org": "expected https://HOST/PATH",
}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_whose_host_is_hidden_is_refused(link):
    with pytest.raises(ValueError, match=LINKS[link]):
        plain_link(link)


@pytest.mark.parametrize(
    "link",
    ["https://github.com/a/b", "https://a.example.org:8443/x?y=@z#w", "https://medium.com/@me/x"],
)
def test_usual_links_are_kept(link):
    assert plain_link(link) == link


@pytest.fixture
def board(tmp_path):
    return make_board(tmp_path / "boards", rules())


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", f"r{CYRILLIC_A}g"), ("by", "\u3164"), ("link", "https://github.com@evil.org/x")],
)
def test_the_schema_refuses_them_by_field(board, field, value):
    row = add_row(board, submission(rules(), 1) | {field: value})
    with pytest.raises(DataError, match=f"submission.json, '{field}'"):
        read_submission(row)


def verified(board, row):
    place = read_board(board)
    return verify_row(place, row, None, Originals(place))


def test_a_name_that_looks_like_another_rows_is_refused(board):
    first = add_row(board, submission(rules(), 1, name="FlyThinker"), status="verified")
    copy = submission(rules(), 2, name="FIyThinker")  # a capital i
    row = add_row(board, copy)
    with pytest.raises(DataError, match=r"name: 'FIyThinker' looks like 'FlyThinker' of rag-s1"):
        verified(board, row)
    assert verified(board, first).status == "self-reported"
    copy["name"] = "FlyThinker"  # who submits distinguishes equal names
    (row / "submission.json").write_text(json.dumps(copy))
    assert verified(board, row).status == "self-reported"


def test_of_two_unverified_rows_that_look_alike_the_later_gives_way(board):
    names = {1: "FlyThinker", 2: "FIyThinker"}
    rows = [add_row(board, submission(rules(), each, name=name)) for each, name in names.items()]
    for row in rows:
        with pytest.raises(DataError, match=r"\(neither is verified: the later one gives way\)"):
            verified(board, row)


def test_a_text_is_as_long_as_the_boards_cap_can_be(board):
    row = read_submission(add_row(board, submission(rules(), 1)))
    most = CHARACTERS_PER_TOKEN * row.test.max_new_tokens
    first = row.examples.ids[0]
    texts = {**dict.fromkeys(row.examples.ids, "x"), first: "x" * most}
    assert list(verify_rows._text_ids([texts], row)) == []
    (message,) = verify_rows._text_ids([{**texts, first: "x" * (most + 1)}], row)
    assert f"example '{first}' of sample 0 has 14,337 characters; at most 14,336 are" in message
    assert "32 for each token of test.max_new_tokens" in message


def test_all_texts_together_are_bounded_so_that_scoring_them_is(board):
    row = read_submission(add_row(board, submission(rules(), 1)))
    each = MEAN_CHARACTERS_PER_TOKEN * row.test.max_new_tokens
    texts = dict.fromkeys(row.examples.ids, "x" * each)
    assert list(verify_rows._text_ids([texts], row)) == []
    first, last = row.examples.ids[0], row.examples.ids[-1]
    assert list(verify_rows._text_ids([{**texts, first: "", last: "x" * 2 * each}], row)) == []
    total = each * len(texts)
    (message,) = verify_rows._text_ids([{**texts, first: "x" * (each + 1)}], row)
    assert f"{total + 1:,} characters in all texts; at most {total:,} are allowed" in message
    assert "on average 8 for each token of test.max_new_tokens" in message
