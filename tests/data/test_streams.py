"""JSON arrays and CSV: read piece by piece, with the values of the whole; bad ones are refused."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import PRODUCT_REVIEW, compressed, json_array
from harness.data.compressed import decompressed
from harness.data.csv_rows import csv_rows
from harness.data.json_array import array_elements
from harness.errors import DataError
from tests.support.formats import FORMATS, as_csv
from tests.support.task_rows import read_folder, review

ARRAY = json.dumps([review("u0"), review("u1")], indent=1)
TEXTS = st.text(st.sampled_from('aé\u2028👩"\\\n\t]},: '), max_size=5)
VALUES = TEXTS | st.sampled_from([None, True, 12, -1.5e-7, 10**30, [], [{"a": [1, "]"]}, {}]])
ROWS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=3)


@given(ROWS, st.integers(1, 40), st.booleans())
def test_an_array_in_pieces_is_the_array(rows, size, spaced):
    raw = json.dumps(rows, ensure_ascii=not spaced, indent=1 if spaced else None).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "CHUNK", size)
        found = list(array_elements(io.BytesIO(raw), Path("x.json")))
    assert [value for *_, value in found] == rows
    assert [number for number, *_ in found] == [*range(1, len(rows) + 1)]


class Endless(io.RawIOBase):
    """Rows of 10 kB without an end."""

    def __init__(self, rows: Iterator[bytes]) -> None:
        self.rows, self.rest = rows, b""

    def readable(self):
        return True

    def readinto(self, buffer):
        self.rest = self.rest or next(self.rows, b"")
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


@pytest.mark.parametrize("form", ["json", "csv", "json.gz"])
def test_memory_does_not_grow_with_the_file(monkeypatch, form):
    for module in (json_array, compressed):
        monkeypatch.setattr(module, "CHUNK", 1 << 14)
    row = {"reviewerId": "u", "input": "x", "output": "y" * 10_000, "profile": "[]"}
    first, more = {
        "json": (b"[", json.dumps(row).encode() + b", "),
        "csv": (b"reviewerId,input,output,profile\r\n", ",".join(row.values()).encode() + b"\r\n"),
    }[form.removesuffix(".gz")]
    chunks = (first if number == 0 else more for number in range(300))
    if form.endswith(".gz"):
        chunks = iter([gzip.compress(b"".join(chunks), 1)])  # 3 MB
    tracemalloc.start()
    stream = decompressed(io.BufferedReader(Endless(chunks)), Path(f"test.{form}"))
    read = csv_rows if form == "csv" else array_elements
    for number, _, value in read(stream, Path(f"test.{form}")):
        assert value["output"] == row["output"]
        if number == 250:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == 250
    assert peak < 400_000


NAMES = "reviewerId,input,output,profile\n"
BAD = {
    # name, content, what the message has
    "a field": (
        "test.json",
        json.dumps([review("u0"), review("u1", output=7) | {"input": None}], indent=1),
        ["test.json row 2, line 21, input", "null", "text"],
    ),
    "array cut short": (
        "test.json",
        ARRAY[:-60],
        ["row 2, line ", "column", "the file ends inside its JSON", "copied completely"],
    ),
    "array cut after a row": (
        "test.json",
        ARRAY[:-2],
        ["row 2, line 39, column 3", "the end of the file", "a comma or ]"],
    ),
    "no comma": (
        "test.json",
        ARRAY.replace(' },\n {\n  "rev', ' }\n {\n  "rev'),
        ["row 1, line 21, column 2", "a comma or ]"],
    ),
    "not JSON": (
        "test.json",
        ARRAY.replace('"input": "Write', "input: Write", 1),
        ["row 1, line 4, column 3", "Expecting property name", "at text 'input: Write"],
    ),
    "a comma too many": (
        "test.json",
        ARRAY[:-1] + ",]",
        ["row 3, line 40, column 2", "Expecting value"],
    ),
    "text after the array": (
        "test.json",
        ARRAY + " {}",
        ["json line 40, column 3", "nothing after"],
    ),
    "an object": (
        "test.json",
        json.dumps(review()),
        ["test.json line 1, column 1", "an array of rows", "rename it to .jsonl"],
    ),
    "an empty file": ("test.json", "", ["line 1", "the end of the file", "an array of rows"]),
    "an empty array": ("test.json", "[]", ["no example", "at least one row"]),
    "key twice": (
        "test.json",
        '[{"a": 1, "a": 2}]',
        ["row 1, line 1", "key 'a' appears twice", "every key once"],
    ),
    "levels": ("test.json", "[" * 100_000, ["row 1, line 1", "too many levels deep"]),
    "not UTF-8": (
        "test.json",
        ARRAY.encode() + b"\xe9",
        [f"byte {len(ARRAY) + 1}", "0xe9", "convert the file to UTF-8"],
    ),
    "a cell": (
        "test.csv",
        as_csv([review("u0", output="two\nlines"), review("u1", output=" ")]),
        ["test.csv line 4, example", "output", "text that is not empty"],
    ),
    "no column": (
        "test.csv",
        as_csv([review()]).replace("output", "text", 1),
        ["line 2", "output", "reviewerId, input, text, profile, more", "a field 'output'"],
    ),
    "semicolons": (
        "test.csv",
        NAMES.replace(",", ";"),
        ["line 1, the header", "one column", "commas between columns"],
    ),
    "two columns of a name": ("test.csv", "input,input\n", ["the header", "'input' twice"]),
    "too few cells": ("test.csv", NAMES + "u,x,y\n", ["line 2", "3 cells", "4, one for each"]),
    "an unclosed quote": (
        "test.csv",
        NAMES + 'u,"x,y,[]\n' * 3,
        ["line 2", "expected after", "is a quote not closed?"],
    ),
    "a quote to the end": (
        "test.csv",
        NAMES + "u,x,y,[]\n" + 'u,"x',
        ["line 3", "unexpected end of data", "is a quote not closed?"],
    ),
    "a carriage return without quotes, as pandas writes it": (
        "test.csv",
        pd.DataFrame([review(input="x\ry", profile="[]")]).to_csv(index=False),
        ["line 2\n  found     new-line character seen in unquoted field\n", "lone \\r", "ALL"],
    ),
    "Python's repr": (
        "test.csv",
        NAMES + "u,x,y,\"[{'overall': 5}]\"\n",
        ["line 2, profile, character 3", "double quotes", "json.dumps"],
    ),
    "no profile": ("test.csv", NAMES + "u,x,y,\n", ["line 2, profile", "an empty cell", "[] for"]),
    "NaN": ("test.csv", NAMES + "u,x,y,[NaN]\n", ["line 2, profile", "NaN, which JSON does not"]),
    "only a header": ("test.csv", NAMES, ["no example", "at least one row"]),
    "CSV not UTF-8": ("test.csv", NAMES.encode() + b"\xe9", ["line 2, byte 1", "0xe9"]),
}


@pytest.mark.parametrize(("name", "content", "parts"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_with_place_and_mend(tmp_path, own_cache, name, content, parts):
    raw = content.encode() if isinstance(content, str) else content
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_folder(PRODUCT_REVIEW, tmp_path, "test")
    message = str(caught.value)
    for part in [*parts, "\n  found     ", "\n  expected  ", "\n  mend      "]:
        assert part in message
    assert not list(own_cache.glob("flythinker-harness/*"))  # no partial cache


@pytest.mark.parametrize(
    ("way", "place"),
    [("JSON array, indented, BOM", "test.json row 2"), ("CSV", "test.csv line 4")],
)
def test_a_row_keeps_its_place_in_the_cache(tmp_path, way, place):
    FORMATS[way](tmp_path, [review(output="a\nb"), review("u2")])
    for _ in ("parsed", "from the cache"):
        assert read_folder(PRODUCT_REVIEW, tmp_path, "test")[1].place == f"{tmp_path}/{place}"
