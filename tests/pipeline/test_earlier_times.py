"""A run that is gone on with counts the times of its earlier record, or says that they are lost."""

import json

import pytest

from harness.engine.clock import Spent
from harness.record import RECORD, write_state
from tests.support.runs import edit_record, go

EARLIER = {"training": 1000.0, "writing": 500.0}


def damage_text(folder):
    path = folder / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"output": "', b'"output": "x', 1)
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("wall_s", [1600.0, None])
@pytest.mark.parametrize("why", ["failed", "damaged texts"])
def test_work_before_a_record_counts_in_the_next_one(
    tmp_path, reviews, backbone, complete, why, wall_s
):
    folder = complete("rag").folder
    failed = why == "failed"
    status = "failed" if failed else "complete"
    edit_record(folder, status=status, phases=EARLIER, wall_s=wall_s)
    damage_text(folder)
    record = go(tmp_path, reviews, backbone, "rag").record
    assert record.status == "complete"
    assert record.phases["training"] == 1000
    assert 500 < record.phases["writing"] < 1000
    if wall_s is None:
        assert record.wall_s is None
    else:
        assert 1600 < record.wall_s < 2600


def test_times_of_a_damaged_record_are_lost(tmp_path, reviews, backbone, complete):
    folder = complete("rag").folder
    fields = json.loads((folder / RECORD).read_text())
    fields["n"]["planned"] += 1  # the checksum no longer fits
    (folder / RECORD).write_text(json.dumps(fields))
    record = go(tmp_path, reviews, backbone, "rag").record
    assert (record.status, record.wall_s) == ("complete", None)


def test_a_damaged_record_beside_saved_times_loses_none(tmp_path, reviews, backbone, complete):
    folder = complete("rag").folder
    (folder / RECORD).write_text("{")
    write_state(folder / "phases.json", Spent(1600.0, EARLIER))
    assert 1600 < go(tmp_path, reviews, backbone, "rag").record.wall_s < 2600


def test_a_run_that_was_stopped_before_any_phase_has_lost_nothing(
    tmp_path, reviews, backbone, complete
):
    folder = complete("rag").folder
    edit_record(folder, status="running", phases={}, wall_s=None)
    assert go(tmp_path, reviews, backbone, "rag").record.wall_s > 0
