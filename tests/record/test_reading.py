"""What is no record is refused with its file and field."""

import dataclasses
import json

import pytest

from harness.errors import DataError
from harness.record import find_runs, read_record, record_there, write_record
from tests.support.synthetic import everything, made_up, write_runs


@pytest.fixture
def fields(tmp_path):
    """A record with every view, as plain JSON."""
    record = everything(made_up("product_review", "flythinker", examples=2, following=True))
    known = json.loads(write_record(record, tmp_path / "whole").read_text())
    del known["checksum"]  # what follows changes it on purpose
    return known


def test_runs_in_linked_folders_are_found_once(tmp_path):
    results, other = tmp_path / "results", tmp_path / "disk"
    (plain,) = write_runs(results, ["sft"], ["product_review"], examples=2)
    (moved,) = write_runs(other, ["rag"], ["product_review"], examples=2)
    (results / "product_review" / "rag").symlink_to(moved.parent, target_is_directory=True)
    linked = results / "product_review" / "rag" / moved.name
    assert find_runs([results]) == [linked, plain]
    (results / "product_review" / "latest").symlink_to(plain, target_is_directory=True)
    (moved / "up").symlink_to(results, target_is_directory=True)
    assert find_runs([results]) == [linked, plain]
    assert find_runs([results, results / "product_review" / "latest"]) == [linked, plain]


def refused(fields, folder):
    (folder / "record.json").write_text(json.dumps(fields))
    with pytest.raises(DataError) as caught:
        read_record(folder)
    return str(caught.value)


def test_a_record_is_what_was_written(tmp_path):
    record = everything(made_up("product_review", "flythinker", examples=2, following=True))
    assert read_record(write_record(record, tmp_path)) == record


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("training.steps", "forty", "'training.steps': found 'forty'; Input should be a valid int"),
        ("training.stepz", 40, "'training.stepz': found 40; no such field"),
        ("likelihood.drift.value", True, "'likelihood.drift.value': found True; Input should be a"),
        ("likelihood.drift.value", float("nan"), "'likelihood.drift.value': found nan; expected a"),
        ("metrics.bleu", 7, "'metrics.bleu': found 7; Input should be an object"),
        ("examples.product_review-0000.scores.bleu", "high", "scores.bleu': found 'high'; Input s"),
        ("status", "done", "'status': found 'done'; Input should be 'running', 'complete' or 'fai"),
        ("device", {"device": "cpu"}, "'device.dtype': Field required"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_found(tmp_path, fields, place, value, expected):
    *parts, last = place.split(".")
    inside = fields
    for part in parts:
        inside = inside[part]
    inside[last] = value
    message = refused(fields, tmp_path)
    assert str(tmp_path / "record.json") in message
    assert expected in message


@pytest.mark.parametrize("digit", ["the last", "of a value", "of the schema"])
def test_a_changed_digit_is_noticed_and_names_the_command_that_mends(tmp_path, digit):
    record = everything(made_up("product_review", "flythinker", examples=2, following=True))
    path = write_record(record, tmp_path)
    text = path.read_text()
    at = {
        "the last": max(place for place, each in enumerate(text) if each.isdigit()),
        "of a value": text.index('"value": ') + len('"value": '),
        "of the schema": text.index('"schema_version": ') + len('"schema_version": '),
    }[digit]
    path.write_text(f"{text[:at]}{(int(text[at], 16) + 1) % 10}{text[at + 1 :]}")
    said = []
    assert record_there(tmp_path, said.append) is None  # also a schema that looks newer
    (message,) = said
    assert "record.json: its values are not those of its checksum" in message
    assert f"mend      repeat `{record.command}`" in message


def test_a_damaged_floor_has_no_command_that_could_be_repeated(tmp_path):
    made = made_up("product_review", "floor-first", examples=2)
    floor = dataclasses.replace(made, kind="floor", command="(computed)")
    path = write_record(floor, tmp_path)
    path.write_text(path.read_text().replace("(computed)", "(made up)"))
    with pytest.raises(DataError, match="mend      delete its folder: the next `harness run`"):
        read_record(path)


def test_a_record_may_be_laid_out_anew_or_lack_its_checksum(tmp_path):
    record = everything(made_up("product_review", "flythinker", examples=2, following=True))
    path = write_record(record, tmp_path)
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields, sort_keys=True))
    assert read_record(path) == record
    del fields["checksum"]
    path.write_text(json.dumps(fields))
    assert read_record(path) == record


@pytest.mark.parametrize("version", [0, True, "2", None])
def test_unknown_schemas_are_refused(tmp_path, fields, version):
    message = refused({**fields, "schema_version": version}, tmp_path)
    assert f"schema_version {version!r}; readable are 1 to 4" in message


def test_a_newer_schema_says_which_version_reads_it(tmp_path, fields):
    fields["code"]["version"] = "7.1"
    message = refused({**fields, "schema_version": 5}, tmp_path)
    assert "schema_version 5, which harness 7.1 wrote; readable are 1 to 4 with this" in message
    assert "Install that version or a later one" in message
    message = refused({**fields, "schema_version": 5, "code": 3}, tmp_path)
    assert "which harness (version not recorded) wrote" in message


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("command", "a\ud800b", "'command': found text with half a surrogate pair"),
        ("wall_s", 1e300, "'wall_s': found 1e+300; expected a number within"),
        ("seed", 10**400, "'seed': found 1000000000"),
    ],
)
def test_what_no_file_or_sum_can_hold_is_named(tmp_path, fields, place, value, message):
    assert message in refused({**fields, place: value}, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"seed": 1, "seed": 2}', "key 'seed' appears twice in one object"),
        ("[" * 100_000, "not JSON: brackets inside brackets, too many levels deep"),
        ('{"seed": ' + "9" * 5_000 + "}", "not JSON: Exceeds the limit"),
    ],
)
def test_what_is_no_json_value_is_refused(tmp_path, text, message):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_record(tmp_path)
    assert message in str(caught.value)


def test_a_broken_record_of_schema_1_is_refused(tmp_path, fields):
    message = refused({**fields, "schema_version": 1, "examples": [1]}, tmp_path)
    assert "record.json: not a record of schema 1: " in message


def test_infinite_numbers_are_not_written(tmp_path):
    record = dataclasses.replace(made_up("product_review", "sft"), wall_s=float("inf"))
    with pytest.raises(ValueError, match="JSON compliant"):
        write_record(record, tmp_path)
