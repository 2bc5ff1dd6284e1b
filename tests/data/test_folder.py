"""Bad files: each message says where, what was found, what was expected and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.data import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING
from harness.data.folder import numbered_lines, task_folder
from harness.data.row_cache import cache_folder
from harness.data.rows import Row
from harness.errors import DataError
from harness.inputs.digests import file_sha256
from tests.support.task_rows import WriteFolder, lines, read_folder, review

ID = (
    "product_review-219144c54ccb"  # sha256("u1\0Write the review of \"pot 1\".")[:12], by sha256sum
)
GOOD = lines([review()])


def without(field: str) -> str:
    row = review()
    del row[field]
    return lines([row])


def in_entry(**changes: Any) -> str:
    row = review()
    row["profile"][1].update(changes)
    return lines([row])


def entry_without(field: str) -> str:
    row = review()
    del row["profile"][1][field]
    return lines([row])


BAD = {
    "truncated line": (
        GOOD + GOOD[:60],
        [
            "test.jsonl line 2, column",
            "the line ends inside its JSON",
            "one complete JSON object",
            "copied completely",
        ],
    ),
    "not JSON": (
        "{'a': 1}\n",
        ["line 1, column 2", "Expecting property name", "one complete JSON object"],
    ),
    "missing field": (
        without("output"),
        [
            f"line 1, example {ID}, output",
            "reviewerId, input, profile",
            "a field 'output'",
            "a row has",
        ],
    ),
    "missing user": (
        without("reviewerId"),
        ["line 1, reviewerId", "is this another task's data?"],
    ),
    "missing entry field": (
        entry_without("summary"),
        [
            f"example {ID}, profile[1].summary",
            "overall, description, reviewText",
            "a field 'summary'",
        ],
    ),
    "wrong type": (
        in_entry(reviewText=7),
        [f"example {ID}, profile[1].reviewText", "number 7", "text", "change the type"],
    ),
    "null": (in_entry(summary=None), ["profile[1].summary", "null", "text"]),
    "true for a number": (in_entry(overall=True), ["profile[1].overall", "true or false True"]),
    "profile is not a list": (
        lines([review(profile="none")]),
        ["profile", "text 'none'", "a list of profile entries (it may be empty)"],
    ),
    "entry is not an object": (
        lines([review(profile=["x"])]),
        ["profile[0]", "text 'x'", "an object with"],
    ),
    "empty reference": (
        lines([review(output=" \n")]),
        [f"example {ID}, output", "text that is not empty", "remove the row"],
    ),
    "empty input": (lines([review(input="")]), ["input", "text that is not empty"]),
    "two faults in a row": (lines([review(output="", input="")]), ["(1 more in this row)"]),
    "NaN": (in_entry(overall=float("nan")), ["NaN, which JSON does not allow", "finite"]),
    "infinite number": (
        GOOD.replace('"overall": "5.0"', '"overall": 1e999', 1),
        ["profile[0].overall", "number inf", "a finite number or text"],
    ),
    "a row that is a number": (
        "7\n",
        ["line 1", "number 7", "an object with reviewerId, input"],
    ),
    "duplicate ids": (
        lines([review(id="a"), review("u2", id="b"), review("u3", id="a")]),
        ["line 3, example a, id", "the same id as", "line 1", "no other example", "leave `id` out"],
    ),
    "half a surrogate": (
        GOOD.replace("Holds", "x").replace("pours", "\\ud83d"),
        ["output", r"\ud83d", "text without lone surrogates"],
    ),
    "half a surrogate in the input": (
        GOOD.replace("pot 1", "\\ud83d", 1),
        ["line 1, input", "text without lone surrogates"],
    ),
    "not UTF-8": (
        GOOD.encode() + b'{"a": "\xe9"}\n',
        ["line 2, byte 8", "0xe9", "UTF-8", "convert the file to UTF-8"],
    ),
    "nested too deeply": ("[" * 100_000 + "\n", ["line 1", "too many levels deep"]),
    "a number of 5,000 digits": (GOOD.replace('"5.0"', "9" * 5_000, 1), ["line 1", "5000 digits"]),
    "an id of a megabyte": (
        lines([review(id="x" * 1_000_000)]),
        [
            "line 1, example xxx",
            "…, id",
            "at most 500 characters, not 1,000,000",
            "change the value",
        ],
    ),
    "a user of a megabyte": (
        lines([review() | {"reviewerId": "u" * 1_000_000}]),
        ["line 1, example product_review-", "reviewerId", "at most 500 characters"],
    ),
    "a text of a megabyte": (
        in_entry(reviewText="x" * 1_000_000),
        ["profile[1].reviewText", "at most 200,000 characters, not 1,000,000"],
    ),
    "a reference that shows nothing": (
        lines([review(output="\u200b\u3164\u2800")]),
        [f"example {ID}, output", "text that is not empty"],
    ),
    "only blank lines": ("\n \n", ["test.jsonl", "no example", "fill the file"]),
}


@pytest.mark.parametrize(("text", "parts"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_place_and_mend(
    write_folder: WriteFolder, own_cache: Path, text: str | bytes, parts: list[str]
):
    with pytest.raises(DataError) as caught:
        read_folder(PRODUCT_REVIEW, write_folder(test=text), "test")
    message = str(caught.value)
    for part in [*parts, "\n  found     ", "\n  expected  ", "\n  mend      "]:
        assert part in message
    assert len(message) < 900
    assert not list(own_cache.glob("flythinker-harness/*"))  # no partial cache


def read_single(write_folder: WriteFolder, rows: Any) -> Row:
    (row,) = read_folder(PRODUCT_REVIEW, write_folder(test=rows), "test")
    return row


def test_numbers_keep_their_spelling(write_folder: WriteFolder):
    row = review()
    row["profile"] = [{**row["profile"][0], "overall": value} for value in (5.0, 5, "5")]
    assert [e["overall"] for e in read_single(write_folder, [row]).profile] == ["5.0", "5", "5"]
    paper = {
        "name": 7,
        "input": "x",
        "output": "y",
        "profile": [{"title": "t", "abstract": "a", "id": 1, "year": 2020}],
    }
    (parsed,) = read_folder(ABSTRACT_GENERATION, write_folder(test=[paper]), "test")
    assert (parsed.user, parsed.profile[0]["year"]) == ("7", "2020")


def test_an_empty_profile_blank_lines_and_a_bom_are_allowed(write_folder: WriteFolder):
    text = "\ufeff\n" + GOOD + "\n  \n" + lines([review("u2", profile=[])])
    rows = read_folder(PRODUCT_REVIEW, write_folder(test=text), "test")
    assert [row.user for row in rows] == ["u1", "u2"]
    assert rows[1].profile == ()
    assert rows[1].place.endswith("test.jsonl line 5")


@pytest.mark.parametrize(
    "text",
    [
        "شكراً 👩‍👩‍👧 שלום",
        "a\u2028b\u0085c",
        'tab\tand\\ "quotes"',
        "ﬁne e\u0301",
        " ".join(["word"] * 20_000),
    ],
    ids=["emoji and right to left", "line separators", "escapes", "ligature", "20,000 words"],
)
def test_texts_are_unchanged(write_folder: WriteFolder, text: str):
    row = review(output=text)
    row["profile"][0]["reviewText"] = text + "!"
    for _ in ("parsed", "from the cache"):
        parsed = read_single(write_folder, [row])
        assert (parsed.output, parsed.profile[0]["reviewText"]) == (text, text + "!")


def test_topic_entries_may_use_either_pair_of_names(write_folder: WriteFolder):
    row = {"author": "u", "input": "x", "output": "y"}
    long_names, short_names = (
        {"summary": "s", "content": "c", "id": "1"},
        {"input": "s", "output": "c", "id": "1"},
    )
    folder = write_folder(test=[{**row, "profile": [long_names, short_names]}])
    (parsed,) = read_folder(TOPIC_WRITING, folder, "test")
    assert parsed.profile[0] == parsed.profile[1]
    assert parsed.profile[0] == {"summary": "s", "content": "c", "id": "1", "author": ""}


def test_the_second_read_comes_from_the_cache_and_is_the_same(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    folder = write_folder(test=[review(), review(), review(id="own")])
    first = read_folder(PRODUCT_REVIEW, folder, "test")
    monkeypatch.setattr("harness.data.folder.parse_rows", None)
    assert read_folder(PRODUCT_REVIEW, folder, "test") == first
    monkeypatch.undo()
    write_folder(test=[review("u9")])
    assert [row.user for row in read_folder(PRODUCT_REVIEW, folder, "test")] == ["u9"]


@pytest.mark.parametrize("changed", ["emptied", "a letter", "sums"])
def test_a_broken_cache_is_rebuilt(
    write_folder: WriteFolder, caplog: pytest.LogCaptureFixture, changed: str
):
    folder = write_folder(test=[review()])
    first = read_folder(PRODUCT_REVIEW, folder, "test")
    cached = cache_folder(PRODUCT_REVIEW, file_sha256(folder / "test.jsonl"))
    if changed == "sums":
        (cached / "sha256.json").write_bytes(b"{")
    for arrow in cached.glob("heads.arrow") if changed != "sums" else ():
        content = arrow.read_bytes()
        text = first[0].user.encode()
        assert text in content
        arrow.unlink()  # another file, as `first` still reads its profiles from the old one
        arrow.write_bytes(b"" if changed == "emptied" else content.replace(text, b"x" * len(text)))
    assert read_folder(PRODUCT_REVIEW, folder, "test") == first
    assert "making it again" in caplog.text
    caplog.clear()
    assert read_folder(PRODUCT_REVIEW, folder, "test") == first
    assert caplog.text == ""


def test_a_cache_that_cannot_be_written_is_no_error(
    write_folder: WriteFolder, own_cache: Path, caplog: pytest.LogCaptureFixture
):
    own_cache.write_text("a file where the folder should be")
    assert read_single(write_folder, [review()]).user == "u1"
    assert "cannot cache in" in caplog.text


def test_a_folder_without_the_split_lists_its_content(write_folder: WriteFolder, tmp_path: Path):
    folder = write_folder(train=[review()], val=[review("u2")])
    with pytest.raises(DataError, match=r"no test\.jsonl; only train\.jsonl, val\.jsonl"):
        read_folder(PRODUCT_REVIEW, folder, "test")
    with pytest.raises(DataError, match=r"only folders .*reviews.*\n.*\n.*--data"):
        read_folder(PRODUCT_REVIEW, tmp_path, "test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no files or folders"):
        read_folder(PRODUCT_REVIEW, tmp_path / "empty", "test")


def test_a_data_folder_belongs_to_a_task_or_has_a_folder_for_each(tmp_path: Path):
    (tmp_path / "many" / "product_review").mkdir(parents=True)
    (tmp_path / "hub" / "product_review_temporal").mkdir(parents=True)
    for name, setting, folder in [
        ("many", "user", "many/product_review"),
        ("many/product_review", "user", "many/product_review"),
        ("hub", "temporal", "hub/product_review_temporal"),
        ("hub", "user", "hub"),
    ]:
        assert task_folder(str(tmp_path / name), PRODUCT_REVIEW, setting) == tmp_path / folder


@pytest.mark.parametrize(("name", "found"), [("nowhere", "no such folder"), ("a.txt", "a file")])
def test_data_that_is_not_a_folder_is_refused(tmp_path: Path, name: str, found: str):
    (tmp_path / "a.txt").write_text(json.dumps({}))
    with pytest.raises(DataError, match=f"{found}\n  expected  mini, hub, or a folder"):
        task_folder(str(tmp_path / name), PRODUCT_REVIEW, "user")


def test_a_file_that_changes_while_it_is_read_is_refused(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    folder = write_folder(test=[review()])
    real = numbered_lines

    def change_meanwhile(lines: Any, path: Path) -> Any:
        yield from real(lines, path)
        with path.open("ab") as file:
            file.write(b"\n")

    monkeypatch.setattr("harness.data.folder.numbered_lines", change_meanwhile)
    with pytest.raises(DataError, match="content that changed while it was read"):
        read_folder(PRODUCT_REVIEW, folder, "test")


def test_the_hash_is_that_of_the_file_that_was_read(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    """Replacing the file while it is read changes neither the hash nor the rows."""
    folder = write_folder(test=[review("first")])
    before, real = file_sha256(folder / "test.jsonl"), numbered_lines

    def change_meanwhile(lines: Any, path: Path) -> Any:
        (path.parent / "next").write_text(json.dumps(review("second")) + "\n")
        (path.parent / "next").replace(path)
        return real(lines, path)

    monkeypatch.setattr("harness.data.folder.numbered_lines", change_meanwhile)
    files: dict[str, str] = {}
    (row,) = read_folder(PRODUCT_REVIEW, folder, "test", files)
    assert (row.user, files) == ("first", {"test.jsonl": before})
