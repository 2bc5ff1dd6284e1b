"""The script of docs/own-data.md makes splits that load, of tables as people have them."""

import re

import pytest

from harness.data import load_splits
from harness.settings import RunSettings
from tests.support.pages import ROOT


def made_of(table: bytes, folder, monkeypatch):
    """Examples by split of what the page's script makes of `texts.csv`."""
    page = (ROOT / "docs" / "own-data.md").read_text("utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (folder / "texts.csv").write_bytes(table)
    monkeypatch.chdir(folder)
    exec(compile(script, "page", "exec"), {})
    data = {"source": str(folder / "my-data")}
    settings = RunSettings.model_validate({"task": "topic_writing", "data": data})
    return {split: len(each.examples) for split, each in load_splits(settings).items()}


def table(authors):
    rows = [f"a{user},Title {n},Text {n} by {user}." for user in range(authors) for n in range(3)]
    return "\n".join(["author,title,text", *rows]).encode()


@pytest.mark.parametrize(
    ("authors", "splits"),
    [(3, (1, 1, 1)), (4, (2, 1, 1)), (10, (7, 1, 2)), (25, (18, 2, 5)), (30, (21, 3, 6))],
)
def test_no_split_is_empty(authors, splits, tmp_path, monkeypatch):
    found = made_of(table(authors), tmp_path, monkeypatch)
    assert (found["train"], found["val"], found["test"]) == splits


def test_a_table_that_a_spreadsheet_saved_begins_with_a_mark(tmp_path, monkeypatch):
    assert sum(made_of(b"\xef\xbb\xbf" + table(5), tmp_path, monkeypatch).values()) == 5
