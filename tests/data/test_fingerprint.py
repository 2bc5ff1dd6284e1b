"""A fingerprint changes with every id and text, and with nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.data.fingerprint import fingerprint
from harness.data.rows import Row

ROW = Row("t-1", "u", "x", "y", ({"a": "1", "b": "é"},), "test.jsonl line 1")


def test_a_fingerprint_is_the_sha256_of_the_written_out_rows():
    text = b'"t"\n["t-1","u","x",[{"a":"1","b":"\\u00e9"}],"y"]'
    assert fingerprint("t", [ROW]) == hashlib.sha256(text).hexdigest()


def test_every_text_counts():
    changed = [
        replace(ROW, id="t-2"),
        replace(ROW, user="v"),
        replace(ROW, input="xx"),
        replace(ROW, output="yy"),
        replace(ROW, input="xy", output=""),
        replace(ROW, profile=()),
        replace(ROW, profile=({"a": "1"}, {"b": "é"})),
        replace(ROW, profile=({"a": "é", "b": "1"},)),
    ]
    values = [fingerprint("t", [row]) for row in [ROW, *changed]]
    values += [fingerprint("s", [ROW]), fingerprint("t", []), fingerprint("t", [ROW, ROW])]
    assert len(set(values)) == len(values)


def test_where_a_row_stood_and_the_order_of_fields_do_not_count():
    moved = replace(ROW, place="hub row 7", profile=({"b": "é", "a": "1"},))
    assert fingerprint("t", [moved]) == fingerprint("t", [ROW])
