"""Which files are a split: each of its names, and candidates that are refused."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.data import describe_source, load_split
from harness.errors import DataError
from tests.support.task_rows import lines, review, settings, write_lines


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
@pytest.mark.parametrize(
    "file", ["{}.jsonl", "{}.jsonl.gz", "{}.parquet", "{}-00000-of-00001.parquet", "{}/0.parquet"]
)
def test_validation_is_found_under_each_of_its_names(tmp_path: Path, name: str, file: str):
    path = tmp_path / file.format(name)
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([review()]), path)
    else:
        raw = lines([review()]).encode()
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    assert load_split(settings(tmp_path), "val").examples[0].user_id == "u1"
    shown = describe_source(settings(tmp_path))
    assert list(shown.files) == [file.format(name)]
    assert shown.kind == ("parquet" if path.suffix == ".parquet" else "folder")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("val.jsonl", "valid.jsonl"), "val.jsonl, valid.jsonl"),
        (("val.jsonl", "val.jsonl.gz"), "val.jsonl, val.jsonl.gz"),
        (("validation.jsonl", "val/0.parquet"), "val/*.parquet, validation.jsonl"),
        (("val.jsonl", "val.parquet"), "val.jsonl, val.parquet"),
        (("val.parquet", "val-00000-of-00001.parquet"), "val.parquet, val-*.parquet"),
    ],
)
def test_two_candidates_for_a_split_are_refused_by_name(
    tmp_path: Path, names: tuple[str, ...], shown: str
):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    write_lines(tmp_path, [review()])
    with pytest.raises(DataError, match="2 candidates for the val split") as caught:
        load_split(settings(tmp_path), "val")
    assert f"split: {shown}\n" in str(caught.value)
    assert load_split(settings(tmp_path), "test").examples  # another split is not affected


@pytest.mark.parametrize(
    "names",
    [("00000-of-00002",), ("00000-of-00002", "00001-of-00002", "00001-of-00003"),
     ("00001-of-00002",), ("00000-of-00001", "old")],
)  # fmt: skip
def test_a_split_with_missing_parts_is_refused(tmp_path: Path, names: tuple[str, ...]):
    for name in names:
        path = (
            tmp_path / f"test-{name.replace('-of-', '-of-0000').replace('0-', '00000-', 1)}.parquet"
        )
        pq.write_table(pa.Table.from_pylist([review(name)]), path)
    with pytest.raises(DataError, match="every part of test"):
        load_split(settings(tmp_path), "test")


def test_a_file_whose_name_is_not_utf8_is_refused(tmp_path: Path):
    pq.write_table(pa.Table.from_pylist([review()]), tmp_path / "part.parquet")
    path = tmp_path / "test" / os.fsdecode(b"caf\xe9.parquet")
    path.parent.mkdir()
    (tmp_path / "part.parquet").rename(path)
    with pytest.raises(
        DataError, match=r"test\n.*a file named 'caf.udce9.parquet'\n.*UTF-8\n.*rename"
    ):
        load_split(settings(tmp_path), "test")
