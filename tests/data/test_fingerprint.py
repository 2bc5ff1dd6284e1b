"""A fingerprint depends on ids and texts, and on nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from harness.data.fingerprint import fingerprint
from harness.data.rows import Row

ROW = Row("t-1", "u", "x", "y", ({"a": "1", "b": "é"},), "test.jsonl line 1")


def test_a_fingerprint_is_the_sha256_of_the_serialised_rows():
    text = b'"t"\n["t-1","u","x",[{"a":"1","b":"\\u00e9"}],"y"]'
    assert fingerprint("t", [ROW]) == hashlib.sha256(text).hexdigest()


def test_every_id_and_text_changes_it():
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


def test_a_rows_place_and_the_order_of_its_fields_do_not_change_it():
    moved = replace(ROW, place="hub row 7", profile=({"b": "é", "a": "1"},))
    assert fingerprint("t", [moved]) == fingerprint("t", [ROW])
