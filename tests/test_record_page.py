"""docs/record.md names every field that a run writes of itself and of its costs, and no other."""

import dataclasses
import re
from pathlib import Path

import pytest

from harness.record import Record
from tests.test_run import go

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "record.md").read_text()


def fields_of(section):
    """Names in backticks in the first column of a section's table; "" is the page's beginning."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    chosen = text[0] if not section else next(one for one in text if one.startswith(section + "\n"))
    rows = re.findall(r"^\| (`.*?) \|", chosen, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_every_field_of_a_record_is_on_the_page():
    assert fields_of("") == {field.name for field in dataclasses.fields(Record)}


@pytest.fixture(scope="module")
def record(tmp_path_factory, reviews, backbone):
    return go(tmp_path_factory.mktemp("run"), reviews, backbone, "coconut").record


def test_every_cost_of_training_is_on_the_page(record):
    assert fields_of("training") == {*record.training, "reused_from"}
    phases = next(line for line in PAGE.splitlines() if line.startswith("| `seconds` |"))
    assert {*record.training.seconds, "lr_search"} < set(re.findall(r"`(\w+)`", phases))
    assert record.training.seconds_total == sum(record.training.seconds.values())


def test_every_cost_of_writing_is_on_the_page(record):
    assert fields_of("inference") == set(record.inference)
