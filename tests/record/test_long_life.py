"""Records of every schema so far load, are compared, and are written again without a change."""

import json
import shutil
from pathlib import Path

import pytest

from harness.record import SCHEMA_VERSION, read_record, write_record
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked

FIXTURES = Path(__file__).parent
EVERY = sorted(FIXTURES.glob("schema*/*.json"))
CURRENT = sorted((FIXTURES / f"schema{SCHEMA_VERSION}").glob("*.json"))
PUBLISHED = FIXTURES.parents[1] / "results" / "published" / "smollm2"
"""Whole runs of schema 1; those among the fixtures are cut short."""


def test_every_schema_has_a_record_as_it_was_written():
    versions = {json.loads(path.read_text())["schema_version"] for path in EVERY}
    assert versions == set(range(1, SCHEMA_VERSION + 1))
    for path in EVERY:
        version = json.loads(path.read_text())["schema_version"]
        assert path.parent.name == f"schema{version}"


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_record_is_upgraded_once_and_for_all(path, tmp_path):
    record = read_record(path)
    assert record.schema_version == SCHEMA_VERSION
    written = write_record(record, tmp_path / "once")
    assert read_record(written) == record
    assert write_record(read_record(written), tmp_path / "again").read_bytes() == (
        written.read_bytes()
    )


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.stem)
def test_a_record_of_todays_schema_is_written_back_byte_for_byte(path, tmp_path):
    assert write_record(read_record(path), tmp_path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("change", ["none", "upgraded and written again"])
def test_runs_of_the_first_schema_are_compared_alike_before_and_after(change, tmp_path):
    for run in sorted(PUBLISHED.glob("*/*/*/record.json"))[:2]:
        folder = tmp_path / run.parents[1].name / run.parent.name
        folder.mkdir(parents=True)
        if change == "none":
            shutil.copy(run, folder)
        else:
            write_record(read_record(run), folder)
    boards, left_out = load_boards([tmp_path])
    (compared,) = compare_boards([checked(board, False) for board in boards])
    assert left_out == []
    assert [system.name for system in compared.board.systems] == ["cot", "coconut"]
    assert compared.main.measure.name == "bleu"


def test_a_run_of_todays_schema_is_compared(tmp_path):
    folder = tmp_path / "flythinker" / "s0"
    folder.mkdir(parents=True)
    shutil.copy(
        FIXTURES / f"schema{SCHEMA_VERSION}" / "mini-flythinker.json", folder / "record.json"
    )
    boards, _ = load_boards([tmp_path])
    (compared,) = compare_boards([checked(board, False) for board in boards])
    assert {"bleu", "rouge1", "following"} <= set(compared.contrasts)
