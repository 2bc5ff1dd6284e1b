"""Bad files: each message says where, what was found, what was expected and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.data import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING
from harness.data.folder import READERS, task_folder
from harness.data.json_lines import line_values
from harness.data.row_cache import cache_folder
from harness.data.rows import Row
from harness.data.tasks import EMAIL_GENERATION, Task
from harness.errors import DataError
from harness.inputs.digests import file_sha256
from tests.support.task_rows import WriteFolder, lines, read_folder, review


def read_single(write_folder: WriteFolder, rows: Any) -> Row:
    (row,) = read_folder(PRODUCT_REVIEW, write_folder(test=rows), "test")
    return row


def test_numbers_keep_their_spelling(write_folder: WriteFolder):
    row = review()
    row["profile"] = [{**row["profile"][0], "overall": value} for value in (5.0, 5, "5", 10**400)]
    found = [entry["overall"] for entry in read_single(write_folder, [row]).profile]
    assert found == ["5.0", "5", "5", str(10**400)]
    paper = {
        "name": 7,
        "input": "x",
        "output": "y",
        "profile": [{"title": "t", "abstract": "a", "id": 1, "year": 2020}],
    }
    (parsed,) = read_folder(ABSTRACT_GENERATION, write_folder(test=[paper]), "test")
    assert (parsed.user, parsed.profile[0]["year"]) == ("7", "2020")


def test_an_empty_profile_blank_lines_and_a_bom_are_allowed(write_folder: WriteFolder):
    text = "\ufeff\n" + lines([review()]) + "\n  \n" + lines([review("u2", profile=[])])
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
    for name in ("product_review", "product_review_temporal"):
        (tmp_path / "both" / name).mkdir(parents=True)
    for name, setting, folder in [
        ("many", "user", "many/product_review"),
        ("many/product_review", "user", "many/product_review"),
        ("hub", "temporal", "hub/product_review_temporal"),
        ("hub", "user", "hub"),
        ("both", "temporal", "both/product_review_temporal"),
        ("both", "user", "both/product_review"),
    ]:
        assert task_folder(str(tmp_path / name), PRODUCT_REVIEW, setting) == tmp_path / folder


@pytest.mark.parametrize("task", [PRODUCT_REVIEW, EMAIL_GENERATION])
def test_results_beside_the_data_are_not_taken_for_them(write_folder: WriteFolder, task: Task):
    file = "an-author" if task.author_files else "test"
    folder = write_folder(**{file: [review()]})
    run = folder / task.name / "sft" / "s0-0"  # interrupted or under way: no record yet
    (run / "checkpoint").mkdir(parents=True)
    assert task_folder(str(folder), task, "user") == folder
    write_folder(f"{folder.name}/{task.name}", **{file: [review()]})
    assert task_folder(str(folder), task, "user") == folder / task.name
    (folder / f"{task.name}_user").mkdir()
    assert task_folder(str(folder), task, "user") == folder / task.name


@pytest.mark.parametrize(("name", "found"), [("nowhere", "no such folder"), ("a.txt", "a file")])
def test_data_that_is_not_a_folder_is_refused(tmp_path: Path, name: str, found: str):
    (tmp_path / "a.txt").write_text(json.dumps({}))
    with pytest.raises(DataError, match=f"{found}\n  expected  mini, hub, or a folder"):
        task_folder(str(tmp_path / name), PRODUCT_REVIEW, "user")


def test_a_file_that_changes_while_it_is_read_is_refused(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    folder = write_folder(test=[review()])

    def change_meanwhile(lines: Any, path: Path) -> Any:
        yield from line_values(lines, path)
        with path.open("ab") as file:
            file.write(b"\n")

    monkeypatch.setitem(READERS, ".jsonl", (change_meanwhile, "line"))
    with pytest.raises(DataError, match="content that changed while it was read"):
        read_folder(PRODUCT_REVIEW, folder, "test")


def test_the_hash_is_that_of_the_file_that_was_read(
    write_folder: WriteFolder, monkeypatch: pytest.MonkeyPatch
):
    """Replacing the file while it is read changes neither the hash nor the rows."""
    folder = write_folder(test=[review("first")])
    before = file_sha256(folder / "test.jsonl")

    def change_meanwhile(lines: Any, path: Path) -> Any:
        (path.parent / "next").write_text(json.dumps(review("second")) + "\n")
        (path.parent / "next").replace(path)
        return line_values(lines, path)

    monkeypatch.setitem(READERS, ".jsonl", (change_meanwhile, "line"))
    files: dict[str, str] = {}
    (row,) = read_folder(PRODUCT_REVIEW, folder, "test", files)
    assert (row.user, files) == ("first", {"test.jsonl": before})
