"""The same rows in every format and under every file name; ambiguous files are refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.data import ABSTRACT_GENERATION, TOPIC_WRITING, load_split
from harness.errors import DataError, UsageError
from tests.support.formats import FORMATS, write_gzip, write_parquet
from tests.support.hub_cache import put_commit, use_cache
from tests.support.task_rows import (
    WriteFolder,
    lines,
    read_folder,
    review,
    settings,
    write_lines,
)

NAMES = ("train", "val", "test")


def paper(**changes: Any) -> dict[str, Any]:
    entries = [{"title": "t", "abstract": "a b", "id": 7, "year": 2020}, *changes.pop("more", ())]
    return {"name": 12, "input": "x", "output": "y z", "profile": entries, **changes}


TABLES: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = {
    # task, rows, the first profile once read
    "numbers": (
        "abstract_generation",
        [paper()],
        [{"title": "t", "abstract": "a b", "id": "7", "year": "2020"}],
    ),
    "nulls": (
        "abstract_generation",
        [paper(id=None, more=[{"title": "u", "abstract": "c", "id": None, "year": None}])],
        [
            {"title": "t", "abstract": "a b", "id": "7", "year": "2020"},
            {"title": "u", "abstract": "c", "id": "", "year": ""},
        ],
    ),
    "absent": (
        "abstract_generation",
        [paper(more=[{"title": "u", "abstract": "c"}])],
        [
            {"title": "t", "abstract": "a b", "id": "7", "year": "2020"},
            {"title": "u", "abstract": "c", "id": "", "year": ""},
        ],
    ),
    "two pairs of names": (
        "topic_writing",
        [
            {
                "author": "u",
                "input": "x",
                "output": "y z",
                "profile": [{"summary": "s", "content": "c"}, {"input": "s", "output": "c"}],
            }
        ],
        [{"summary": "s", "content": "c", "id": "", "author": ""}] * 2,
    ),
    "no profile": ("product_review", [review(profile=[]), review("u2")], []),
    "5.0": ("product_review", [review(profile=[{**review()["profile"][0], "overall": 5.0}])], []),
    "5": ("product_review", [review(profile=[{**review()["profile"][0], "overall": 5}])], []),
    "'5.0'": ("product_review", [review()], []),
    "texts": (
        "product_review",
        [
            review(output='Line\nbreaks,\r\n"quotes", "" and \u2028 شكراً 👩‍👩‍👧'),
            review(output="a\rb\tc ] } [ \\ {", input="NA"),
        ],
        [],
    ),
    "large": (
        "abstract_generation",
        [paper(name=2**62, id=2**53 + 1)],
        [{"title": "t", "abstract": "a b", "id": "7", "year": "2020"}],
    ),
}


@pytest.mark.parametrize("way", FORMATS)
@pytest.mark.parametrize("name", TABLES)
def test_the_same_rows_give_the_same_values_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
):
    task, rows, entries = TABLES[name]
    folders = tmp_path / "expected", tmp_path / "found"
    for folder in folders:
        folder.mkdir()
    write_lines(folders[0], rows)
    expected = load_split(settings(folders[0], task), "test")
    write = FORMATS[way]
    if write is None:
        put_commit(tmp_path / "datasets", f"{task}_user", {"test": rows})
        use_cache(monkeypatch, tmp_path / "datasets")
        found = load_split(settings("hub", task), "test")
    else:
        write(folders[1], rows)
        found = load_split(settings(folders[1], task), "test")
    assert found.examples == expected.examples
    assert found.references == expected.references
    assert found.fingerprint == expected.fingerprint
    if entries:
        assert [dict(entry) for entry in found.examples[0].profile] == entries


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64(), pa.decimal128(5, 2)])
def test_short_floats_keep_their_spelling(tmp_path: Path, kind: pa.DataType):
    row = review()
    table = pa.Table.from_pylist([row])
    struct = pa.struct(
        [(key, kind if key == "overall" else pa.string()) for key in row["profile"][0]]
    )
    value = {pa.float16(): np.float16(4.1)}.get(kind, 4.1)
    if pa.types.is_decimal(kind):
        from decimal import Decimal

        value = Decimal("4.10")
    profile = pa.array(
        [[{**entry, "overall": value} for entry in row["profile"]]], pa.list_(struct)
    )
    table = table.set_column(table.schema.names.index("profile"), "profile", profile)
    pq.write_table(table, tmp_path / "test.parquet")
    (example,) = load_split(settings(tmp_path), "test").examples
    assert [entry["overall"] for entry in example.profile] == ["4.1", "4.1"]


@pytest.mark.parametrize("write", [write_lines, write_parquet])
def test_null_in_a_required_field_is_refused(tmp_path: Path, write: Any):
    for number, (row, path) in enumerate(
        [
            (review(profile=None), "profile"),
            (review(output=None), "output"),
            (review(profile=[None, review()["profile"][0]]), "profile[0]"),
            (review(profile=[{**review()["profile"][0], "summary": None}]), "profile[0].summary"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder, [review("u0"), row])
        with pytest.raises(DataError) as caught:
            load_split(settings(folder), "test")
        assert f"{path}\n  found     null\n" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('{"reviewerId": "a", "reviewerId": "b"}', ["line 2", "key 'reviewerId' appears twice"]),
        (lines([review()]).replace('"summary": "fine 0"', '"summary": "x", "summary": "y"'),
         ["line 2", "key 'summary' appears twice", "every key once"]),
        ('{"a": NaN}', ["line 2", "NaN, which JSON does not allow"]),
        ('{"a": -Infinity}', ["line 2", "-Infinity, which JSON does not allow"]),
        (f'{{"a": {"9" * 5000}}}', ["line 2", "digits"]),
        ("\ufeff" + lines([review()]), ["line 2", "BOM"]),  # two files concatenated
        (lines([review("a")]).strip() + "\r" + lines([review("b")]), ["line 2", "Extra data"]),
    ],
)  # fmt: skip
def test_ambiguous_json_is_refused(write_folder: WriteFolder, text: str, parts: list[str]):
    with pytest.raises(DataError) as caught:
        load_split(settings(write_folder(test=lines([review("u0")]) + text)), "test")
    for part in ["test.jsonl", *parts]:
        assert part in str(caught.value)


def test_a_large_integer_keeps_every_digit(write_folder: WriteFolder):
    folder = write_folder(test=[paper(name=10**40 + 1)])
    (row,) = read_folder(ABSTRACT_GENERATION, folder, "test")
    assert row.user == "1" + "0" * 39 + "1"


def test_utf_16_is_refused(tmp_path: Path):
    (tmp_path / "test.jsonl").write_bytes(lines([review()]).encode("utf-16"))
    with pytest.raises(DataError, match=r"byte 1\n  found     0xff, which is not valid UTF-8"):
        load_split(settings(tmp_path), "test")


def test_two_columns_with_the_same_name_are_refused(tmp_path: Path):
    table = pa.table([["a"], ["b"]], names=["input", "input"])
    pq.write_table(table, tmp_path / "test.parquet")
    with pytest.raises(DataError, match="column 'input' appears twice"):
        load_split(settings(tmp_path), "test")


@pytest.mark.parametrize("form", ["gzip", "Zstandard"])
def test_a_damaged_compressed_file_is_refused(tmp_path: Path, form: str):
    rows = [review(str(n), output=f"text {n} " * 9) for n in range(30)]
    FORMATS[form](tmp_path, rows)
    (path,) = tmp_path.glob("test.*")
    whole = path.read_bytes()
    for raw in (whole[:-40], b"not compressed" + whole, whole[:200] + b"xxxxxxxxxx" + whole[210:]):
        path.write_bytes(raw)
        with pytest.raises(DataError, match="was it copied completely"):
            load_split(settings(tmp_path), "test")


def test_zstandard_without_its_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "test.jsonl.zst").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"pip install 'flythinker-harness\[zstd\]'"):
        load_split(settings(tmp_path), "test")


@pytest.mark.parametrize("write", [write_lines, write_gzip, write_parquet])
@pytest.mark.parametrize(
    ("name", "neighbour"),
    [("exp[1]", "exp1"), ("exp*", "expand"), ("ex?", "exp"), ("{a,b}", "a"), ("a%20b", "a b"),
     ("hf:x", "x"), ("a::b", "a")],
)  # fmt: skip
def test_a_path_is_not_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, name: str, neighbour: str
):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache[1]"))
    for folder, user in ((name, "meant"), (neighbour, "neighbour")):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, [review(user)])
    for _ in ("read", "read again, from the cache"):
        assert load_split(settings(tmp_path / name), "test").examples[0].user_id == "meant"


@pytest.mark.parametrize("source", ["hf://datasets/a/b", "https://host/a", "exp[1]", "train*"])
def test_a_source_that_is_not_a_folder_is_refused_and_not_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp1").mkdir()
    with pytest.raises(DataError, match="no such folder"):
        load_split(settings(source), "test")


def test_topic_entries_without_either_name_say_which_field_is_missing(
    write_folder: WriteFolder,
):
    row = {"author": "u", "input": "x", "output": "y", "profile": [{"summary": "s"}]}
    with pytest.raises(DataError, match="content"):
        read_folder(TOPIC_WRITING, write_folder(test=[row]), "test")
