"""Rows of a folder that are refused, with place and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.data import PRODUCT_REVIEW
from harness.errors import DataError
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
