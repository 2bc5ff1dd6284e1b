"""Submissions that mean harm: each is refused with a message that names the fault."""

import json

import pytest

from harness.errors import DataError
from harness.leaderboard.untrusted import read_submission
from tests.support.boards import add_row, rules, submission, with_value


def refused(folder):
    with pytest.raises(DataError) as error:
        read_submission(folder)
    message = str(error.value)
    assert message.isprintable() or "\n" in message
    return message


FIELDS = {
    "path in the id": ("id", "../../etc/passwd", "'id': found '../../etc/passwd'"),
    "dots in the id": ("id", "a..b", "expected a name, found '..'"),
    "slash in an example id": ("examples.ids.0", "a/b", "'examples.ids.0': found 'a/b'"),
    "script in a method": ("method", "<script>alert(1)</script>", "'method': found '<script>"),
    "script in a metric's name": ("metrics", {"<img>": {"value": 1.0, "signature": "s"}}, "<img>"),
    "turned around name": ("name", "abc\u202edcba", "found U+202E"),
    "hidden character in the submitter": ("by", "Goo\u200bd", "found U+200B"),
    "line break in the name": ("name", "two\nlines", "found U+000A"),
    "no name": ("name", "", "at least 1 character"),
    "long name": ("name", "x" * 121, "at most 120 characters"),
    "long note": ("note", "x" * 2001, "at most 2000 characters"),
    "script as link": ("link", "javascript:alert(1)", "'link': found 'javascript:alert(1)'"),
    "quote in a link is no quote": ("link", 'https://a" onclick="x', "'link'"),
    "text as score": ("metrics.bleu.value", "99", "'metrics.bleu.value': found '99'"),
    "score beyond all scales": ("metrics.bleu.value", 1e13, "found 10000000000000.0"),
    "true as score": ("metrics.bleu.value", True, "'metrics.bleu.value': found True"),
    "unknown field": ("reward", 1, "Extra inputs are not permitted"),
    "nested settings": ("run.settings", {"a": {"b": 1}}, "run.settings.a"),
    "negative count": ("n.failed", -1, "'n.failed': found -1"),
    "other schema": ("schema_version", 2, "'schema_version': found 2"),
    "example twice": ("examples.ids.1", "product_review-000000000000", "is repeated"),
    "short column": ("examples.scores.bleu", [1.0], "examples bleu: 1 values for 40 ids"),
    "users with a gap": ("examples.users.0", 99, "expected each of 0 to 39 to occur"),
    "more examples claimed": ("test.examples", 41, "40 example ids, test.examples 41"),
    "negative time": ("costs.training_s", -1.0, "'costs.training_s': found -1.0"),
    "negative memory": ("costs.peak_memory_mib", -3.0, "'costs.peak_memory_mib': found -3.0"),
    "no BLEU per user": ("examples.without.bleu", [], "without bleu: 0 values for 40 users"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_bad_field_is_refused_and_named(board, case):
    path, value, message = FIELDS[case]
    row = submission(rules(), 1)
    folder = add_row(board, row)
    (folder / "submission.json").write_text(json.dumps(with_value(row, path, value)))
    assert message in refused(folder)


def test_an_honest_row_is_read(board):
    given = submission(rules(), 1)
    row = read_submission(add_row(board, given))
    assert row.metrics["bleu"].value == given["metrics"]["bleu"]["value"]
    assert row.examples.ids == tuple(given["examples"]["ids"])


@pytest.mark.parametrize(
    ("number", "message"),
    [("NaN", "NaN, which JSON does not allow"),
     ("-Infinity", "-Infinity, which JSON does not allow"),
     ("1e999", "'metrics.rouge1.value': found inf"), ("9" * 5000, "submission.json")],
)  # fmt: skip
def test_nan_and_infinity_are_refused(board, number, message):
    folder = add_row(board, submission(rules(), 1))
    path = folder / "submission.json"
    text = path.read_text()
    value = json.loads(text)["metrics"]["rouge1"]["value"]
    assert text.count(f'"rouge1": {{"value": {value}') == 1
    path.write_text(text.replace(f'"rouge1": {{"value": {value}', f'"rouge1": {{"value": {number}'))
    assert message in refused(folder)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"id": "a", "id": "b"}', "key 'id' appears twice in one object"),
        (b"[" * 100_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[]", "(the whole)"),
        (b'"' + b"x" * 5_000_001 + b'"', "5,000,003 bytes; at most 5,000,000 are allowed"),
    ],
    ids=["key twice", "deep", "not UTF-8", "empty", "list", "5 MB"],
)
def test_a_bad_file_is_refused(board, raw, message):
    folder = add_row(board, submission(rules(), 1))
    (folder / "submission.json").write_bytes(raw)
    assert message in refused(folder)


def test_an_id_that_is_not_its_folder_is_refused(board):
    folder = add_row(board, submission(rules(), 1))
    folder = folder.rename(folder.with_name("other"))
    assert "id: found 'rag-s1'; its folder is 'other'" in refused(folder)


def test_files_that_do_not_belong_there_are_refused(board, tmp_path):
    folder = add_row(board, submission(rules(), 1))
    extra = folder / "setup.py"
    extra.write_text("import os")
    assert "setup.py: does not belong here; a row holds predictions.jsonl" in refused(folder)
    extra.unlink()
    extra.symlink_to("/etc/passwd")
    assert "setup.py: a link or folder; a row holds plain files only" in refused(folder)
    extra.unlink()
    texts = folder / "predictions.jsonl"
    texts.unlink()
    texts.symlink_to("/etc/passwd")
    assert "a link or folder" in refused(folder)
