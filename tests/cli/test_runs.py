"""harness runs: what lies in a results folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.cli.runs import age
from tests.support.synthetic import write_runs


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_runs(tmp_path, ["sft"], ["product_review"], seeds=(0, 1))
    write_runs(tmp_path, ["rag"], ["product_review"], changes={"status": "running", "metrics": {}})
    write_runs(tmp_path, ["floor-words"], ["product_review"], changes={"kind": "floor"})
    return tmp_path


def test_runs_with_status_seed_and_first_metric(call, results: Path):
    code, out, _ = call("runs", results)
    assert code == 0
    assert "3 runs in" in out
    assert "floor-words" not in out
    assert "1 not finished: repeat their commands to resume" in out
    _, out, _ = call("runs", results, "--json")
    rows = json.loads(out)
    assert [(row["method"], row["seed"], row["status"]) for row in rows] == [
        ("rag", 0, "running"), ("sft", 0, "complete"), ("sft", 1, "complete"),
    ]  # fmt: skip
    assert rows[1]["metric"] == "bleu"
    assert rows[1]["low"] < rows[1]["value"] < rows[1]["high"]
    assert Path(rows[1]["run"]).is_dir()


def test_floors_when_asked_for(call, results: Path):
    _, out, _ = call("runs", results, "--floors")
    assert "floor-words" in out


def test_a_metric_without_a_value(call, results: Path):
    path = next(results.glob("product_review/sft/*/record.json"))
    record = json.loads(path.read_text())
    record["metrics"]["bleu"]["value"] = None
    del record["checksum"]  # as after an edit by hand
    path.write_text(json.dumps(record))
    code, out, _ = call("runs", results)
    assert (code, "bleu –" in out) == (0, True)


def test_a_record_that_cannot_be_read_is_listed_and_hides_no_other(call, results: Path):
    path = next(results.glob("product_review/sft/*/record.json"))
    path.write_text("{")
    code, out, _ = call("runs", results, "--json")
    rows = json.loads(out)
    (broken,) = [row for row in rows if row["status"] == "unreadable"]
    assert (code, len(rows), "not JSON" in broken["error"]) == (0, 3, True)


def test_an_empty_folder_is_named(call, tmp_path: Path):
    code, _, err = call("runs", tmp_path)
    assert (code, "expected a run or a folder of runs" in err) == (2, True)


@pytest.mark.parametrize(
    ("past", "shown"),
    [
        (timedelta(seconds=30), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=3, minutes=59), "3 h"),
        (timedelta(days=12), "12 d"),
        (timedelta(seconds=-5), "0 min"),
    ],
)
def test_age(past: timedelta, shown: str):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert age((now - past).isoformat(), now) == shown


def test_an_unknown_age_is_empty():
    assert age("yesterday", datetime.now(UTC)) == ""
    assert age("2026-01-01", datetime.now(UTC)) == ""


def test_the_version(call):
    from harness import __version__

    code, out, _ = call("--version")
    assert (code, out) == (0, f"harness {__version__}\n")
