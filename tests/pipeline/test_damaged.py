"""Damaged and changed files of a run: noticed, said, and their work done again."""

import json

import pytest

from harness.errors import DataError
from harness.inputs.finished import finished
from harness.pipeline import together as together_module
from harness.progress import Bars
from harness.record import read_predictions, read_record, texts_match
from tests.support.runs import (
    edit_record,
    go,
    settings,
    texts,
    without_times,
)


@pytest.mark.parametrize(
    ("damaged", "trains"),
    [
        ("training.json", True),
        ("model.safetensors", True),
        ("writing.json", False),
        ("phases.json", False),
        ("record.json", False),
    ],
)
def test_a_damaged_state_file_is_said_once_and_its_work_done_again(
    tmp_path, reviews, backbone, complete, monkeypatch, damaged, trains
):
    whole = complete()
    edit_record(whole.folder, status="running")
    (whole.folder / damaged).touch()
    with (whole.folder / damaged).open("r+b") as file:
        file.seek(-min(1000, file.seek(0, 2)), 2)
        file.write(bytes(1000))
    said, trained, real = [], [], together_module.train
    monkeypatch.setattr(Bars, "say", lambda self, text: said.append(text))
    monkeypatch.setattr(
        together_module, "train", lambda *a, **k: trained.append(1) or real(*a, **k)
    )
    again = go(tmp_path, reviews, backbone)
    assert [str(whole.folder / damaged) in line for line in said] == [True]
    assert ("times in it are lost" in said[0]) == (damaged in ("writing.json", "phases.json"))
    assert (whole.folder / "writing.json").is_file()
    cost = again.record.inference
    times = (cost.decode_s, cost.preface_s, cost.latent_s, cost.peak_memory_mib)
    assert {each is None for each in times} == {damaged == "writing.json"}
    assert (again.record.wall_s is None) == (damaged in ("phases.json", "record.json"))
    assert bool(trained) == trains
    assert (again.record.status, texts(again)) == ("complete", texts(whole))
    assert again.record.metrics == whole.record.metrics


@pytest.mark.parametrize("damage", ["texts", "a count"])
def test_damaged_texts_are_generated_again_in_their_place(
    tmp_path, reviews, backbone, complete, monkeypatch, damage
):
    said = []
    monkeypatch.setattr(Bars, "say", lambda self, text: said.append(text))
    whole = complete("rag")
    path = whole.folder / "predictions.jsonl"
    known = path.read_bytes()
    lines = known.splitlines(keepends=True)
    if damage == "texts":
        lines[2] = lines[2].replace(b'"output": "', b'"output": "x', 1)  # valid JSON, another text
        lines[4] = lines[4][:30] + bytes(20) + lines[4][50:]
    else:
        lines[2] = lines[2].replace(b'"tokens": ', b'"tokens": 1', 1)  # no part of the digest
    path.write_bytes(b"".join(lines))
    again = go(tmp_path, reviews, backbone, "rag")
    assert path.read_bytes() == known
    assert (again.repeated, again.record.texts) == (False, whole.record.texts)
    assert ["predictions.jsonl: damaged or changed since its record" in line for line in said] == [
        True
    ]


@pytest.mark.parametrize("field", ["output", "tokens"])
def test_a_text_that_changed_is_refused_by_every_reader(complete, field):
    folder = complete("rag").folder
    path = folder / "predictions.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[1][field] = {"output": "x", "tokens": 7}[field]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert not texts_match(read_record(folder), folder)
    with pytest.raises(DataError, match=rf"text of {lines[1]['id']} is not that of its checksum"):
        read_predictions(folder)


def test_a_complete_record_with_a_changed_number_is_made_again(
    tmp_path, reviews, backbone, complete, monkeypatch
):
    """Said once, redone from the weights and texts, never shown."""
    whole = complete()
    path, said = whole.folder / "record.json", list[str]()
    known = json.loads(path.read_text())
    changed = json.loads(path.read_text())
    changed["metrics"]["bleu"]["value"] += 1
    path.write_text(json.dumps(changed))
    monkeypatch.setattr(Bars, "say", lambda self, text: said.append(text))
    monkeypatch.setattr(together_module, "train", None)
    asked = settings(reviews, backbone)
    assert finished(asked, "sft", [], tmp_path / "results") is None
    again = go(tmp_path, reviews, backbone)
    assert not again.repeated
    assert without_times(json.loads(path.read_text())) == without_times(known)
    assert [("its values are not those of its checksum" in line) for line in said] == [True]


def test_a_cut_record_names_the_command_that_keeps_the_work(complete):
    path = complete("rag").folder / "record.json"
    path.write_text(path.read_text()[:2000])
    with pytest.raises(DataError, match="repeat `harness run …`: weights and texts are kept"):
        read_record(path)
