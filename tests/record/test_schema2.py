"""A record of schema 2, as a run left it (examples and curve cut short), in today's form."""

import json
from pathlib import Path

from harness.record import SCHEMA_VERSION, read_record, write_record

OLD = Path(__file__).parent / "schema2" / "mini-cot.json"


def test_preference_following_becomes_a_breakdown_of_its_metric(tmp_path):
    record, old = read_record(OLD), json.loads(OLD.read_text())
    whole = old["following"]
    found = record.breakdowns["following"]
    assert record.schema_version == SCHEMA_VERSION
    assert (found.value, found.places, found.floor, found.ceiling) == (
        whole["value"], whole["calls"], whole["floor"], whole["ceiling"],
    )  # fmt: skip
    assert found.groups["held_out"]["all"].value == whole["held_out"]["value"]
    for way, name in (("kind", "kinds"), ("family", "families")):
        assert {key: (each.value, each.chance, each.places)
                for key, each in found.groups[way].items()} == {
            key: (each["value"], each["chance"], each["calls"])
            for key, each in whole[name].items()
        }  # fmt: skip
    # the slices that the view held are those of the metric
    assert [each.value for each in record.slices["following"]] == [
        each["value"] for each in whole["slices"]
    ]
    assert record.metrics["following"].value == whole["value"]
    assert read_record(write_record(record, tmp_path)) == record
