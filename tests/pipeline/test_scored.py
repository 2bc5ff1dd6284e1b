"""Records of texts that no run made: predictions from elsewhere, and floors."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run

import pytest

from harness.data import load_split
from harness.pipeline.scored import Source, record_floors, record_texts
from harness.record import (
    PREDICTIONS,
    RECORD,
    read_predictions,
    read_record,
    texts_digest,
    texts_match,
    write_record,
)
from harness.reports.runs.recorded_floors import floors_beside, to_beat, won_by_floors
from harness.settings import build_settings
from tests.support.runs import go, settings


@pytest.fixture
def chosen(reviews: Path, backbone: Path):
    return settings(reviews, backbone)


def floor_folders(*given) -> list[Path]:
    return [one.folder for one in record_floors(*given)]


def texts_of(folder: Path) -> dict[str, str]:
    return {one.id: one.output for one in read_predictions(folder)}


def test_own_predictions_leave_a_record_like_a_run(chosen, tmp_path: Path):
    test = load_split(chosen, "test")
    texts = {key: one.text for key, one in test.references.items()}
    made = record_texts(Source("mine", "scored", "file"), texts, chosen, test, tmp_path)
    assert made.folder.parent == tmp_path / "product_review" / "mine"
    record = read_record(made.folder)
    assert (record.kind, record.status, record.n.planned) == ("scored", "complete", 8)
    assert {name: one.value for name, one in record.metrics.items()} == {
        "bleu": pytest.approx(100),
        "rouge1": 100,
    }
    assert record.quality["length"].value == record.quality["length"].references == 100
    assert record.authors
    assert record.training is None
    assert record.inference is None
    assert texts_of(made.folder) == texts
    assert record.texts == texts_digest(read_predictions(made.folder))


def test_a_missing_prediction_is_empty_and_failed(chosen, tmp_path: Path):
    test = load_split(chosen, "test")
    made = record_texts(Source("mine", "scored", ""), {}, chosen, test, tmp_path)
    assert (made.record.n.failed, made.record.n.empty, made.exit_code) == (8, 8, 1)
    assert made.record.metrics["rouge1"].value == 0


def test_other_texts_settings_or_examples_are_another_record(chosen, tmp_path: Path):
    test = load_split(chosen, "test")

    def folder(key: str, *changes: tuple[str, object]) -> Path:
        own = chosen.model_copy(update={"eval": chosen.eval.model_copy(update=dict(changes))})
        return record_texts(Source("mine", "scored", key), {}, own, test, tmp_path).folder

    first = folder("a")
    assert folder("a") == first
    others = {folder("b"), folder("a", ("slices", (0, 5))), folder("a", ("metrics", ("rouge2",)))}
    assert len(others) == 3
    assert first not in others


def test_a_run_leaves_the_floors_of_its_data_once(reviews: Path, backbone: Path, tmp_path: Path):
    ran = go(tmp_path, reviews, backbone, "rag", "eval.floors=true")
    results = tmp_path / "results" / "product_review"
    found = sorted(path.parent for path in results.glob(f"floor-*/*/{RECORD}"))
    assert [path.parent.name for path in found] == [
        "floor-first", "floor-longest", "floor-other", "floor-words",
    ]  # fmt: skip
    record = read_record(found[1])
    assert record.kind == "floor"
    assert record.data.test == ran.record.data.test
    assert set(record.metrics) == set(ran.record.metrics)
    before = {path: (path / PREDICTIONS).stat().st_mtime_ns for path in found}
    go(tmp_path, reviews, backbone, "nonpers", "eval.floors=true", "data.train_limit=1")
    assert {path: (path / PREDICTIONS).stat().st_mtime_ns for path in found} == before
    assert sorted(path.parent for path in results.glob(f"floor-*/*/{RECORD}")) == found


COPIES = ["floor-longest", "floor-first"]
"""Floors that need no training texts."""


def floors_of(chosen, data: Path, tmp_path: Path, say) -> list[Path]:
    """The floors of the test split in a folder of data."""
    source = chosen.data.model_copy(update={"source": str(data.parent)})
    own = chosen.model_copy(update={"data": source})
    return floor_folders(own, load_split(own, "test"), tmp_path / "results", say)


def test_floors_without_training_data_are_the_copies(chosen, reviews: Path, tmp_path: Path):
    data = tmp_path / "data" / "product_review"
    data.mkdir(parents=True)
    lines = (reviews / "product_review" / "test.jsonl").read_text("utf-8")
    (data / "test.jsonl").write_text(lines, "utf-8")
    made = floors_of(chosen, data, tmp_path, pytest.fail)
    assert [path.parent.name for path in made] == COPIES
    profile = json.loads(lines.splitlines()[0])["profile"]
    longest = max((entry["reviewText"] for entry in profile), key=len)
    assert next(iter(texts_of(made[0]).values())) == longest


@pytest.mark.parametrize("broken", ['{"id": "1"', None])
def test_floors_left_out_for_training_data_that_cannot_be_read_are_said(
    chosen, reviews: Path, tmp_path: Path, broken: str | None
):
    data = tmp_path / "data" / "product_review"
    shutil.copytree(reviews / "product_review", data)
    if broken is None:
        shutil.copy(data / "train.jsonl", data / "train.json")
    else:
        (data / "train.jsonl").write_text(broken, "utf-8")
    said: list[str] = []
    made = floors_of(chosen, data, tmp_path, said.append)
    assert [path.parent.name for path in made] == COPIES
    (line,) = said
    assert line.startswith("floors that need training texts are left out")
    assert ("2 candidates" if broken is None else "train.jsonl") in line


def test_no_floor_is_made_from_training_texts_of_the_test_users(
    chosen, reviews: Path, tmp_path: Path
):
    data = tmp_path / "data" / "product_review"
    shutil.copytree(reviews / "product_review", data)
    shutil.copy(data / "test.jsonl", data / "train.jsonl")
    said: list[str] = []
    made = floors_of(chosen, data, tmp_path, said.append)
    assert [path.parent.name for path in made] == COPIES
    (line,) = said
    assert "the same user as" in line


def test_the_built_in_benchmark_records_a_skyline_that_need_not_be_beaten(tmp_path: Path):
    sets = ["data.limit=3", "eval.authors=false", "eval.resamples=100", 'eval.metrics=["rouge1"]']
    chosen = build_settings("mini", sets)
    test = load_split(chosen, "test")
    folders = floor_folders(chosen, test, tmp_path)
    assert [path.parent.name for path in folders][-1] == "skyline"
    method = record_texts(Source("mine", "scored", ""), {}, chosen, test, tmp_path)
    beside = floors_beside(method.folder, method.record)
    skyline = beside[-1]
    assert (skyline.method, skyline.kind) == ("skyline", "floor")
    assert skyline.metrics["following"].value > 80
    assert "skyline" not in {one.method for one in to_beat(beside)}
    # the skyline is highest in following, but a floor is named as the one that wins
    tops = {"following": method.record.metrics["following"].value}
    assert won_by_floors(tops, beside)["following"].method != "skyline"


@pytest.mark.parametrize("name", [RECORD, PREDICTIONS])
def test_a_floor_with_a_changed_digit_is_made_again(chosen, tmp_path: Path, name: str):
    test = load_split(chosen, "test")
    folder = floor_folders(chosen, test, tmp_path)[0]
    known, content = read_record(folder), (folder / name).read_text("utf-8")
    old, new = ('"value": ', '"value": 1') if name == RECORD else ('"output": "', '"output": "1')
    (folder / name).write_text(content.replace(old, new, 1), "utf-8")
    assert floor_folders(chosen, test, tmp_path)[0] == folder
    assert replace(read_record(folder), started=known.started) == known
    assert texts_match(known, folder)


def test_floors_that_are_recorded_are_not_made_again(chosen, tmp_path: Path, monkeypatch):
    test = load_split(chosen, "test")
    first = floor_folders(chosen, test, tmp_path)
    for name in ("_others", "_circles", "bm25_order"):
        monkeypatch.delattr(f"harness.data.floors.{name}")
    assert floor_folders(chosen, test, tmp_path) == first
    with pytest.raises(NameError, match="bm25_order"):  # a new folder has to make them
        floor_folders(chosen, test, tmp_path / "other")


def test_a_floor_whose_texts_are_now_something_else_is_made_again_in_place(chosen, tmp_path: Path):
    test = load_split(chosen, "test")
    folder = floor_folders(chosen, test, tmp_path)[0]
    known = read_record(folder)
    write_record(replace(known, command="(computed from the data: other texts)"), folder)
    assert floor_folders(chosen, test, tmp_path)[0] == folder
    assert read_record(folder).command == known.command


def test_a_floor_of_a_newer_harness_stays_and_is_said(chosen, tmp_path: Path):
    test = load_split(chosen, "test")
    folder = floor_folders(chosen, test, tmp_path)[0]
    path, said = folder / RECORD, []
    fields = json.loads(path.read_text("utf-8"))
    del fields["checksum"]
    path.write_text(json.dumps({**fields, "schema_version": 99}), "utf-8")
    kept = path.read_bytes()
    assert folder not in floor_folders(chosen, test, tmp_path, said.append)
    assert path.read_bytes() == kept
    (line,) = said
    assert line.startswith(f"{folder.parent.name} is left out: {path}: schema_version 99")


@pytest.fixture
def changed_metric(monkeypatch):
    """Calling it edits the file of a metric, as far as its digest says."""

    def edit() -> None:
        monkeypatch.setattr("harness.pipeline.scored.metric_input", lambda name: f"edited {name}")

    return edit


def without_inputs(folder: Path) -> None:
    write_record(replace(read_record(folder), inputs=None), folder)


@pytest.mark.parametrize("old", [False, True])
def test_scores_of_another_metric_file_are_made_again_in_place(
    chosen, tmp_path: Path, changed_metric, old: bool
):
    test = load_split(chosen, "test")
    source = Source("mine", "scored", "file")
    first = record_texts(source, {}, chosen, test, tmp_path)
    assert record_texts(source, {}, chosen, test, tmp_path).repeated
    assert set(first.record.inputs.metrics) == {"bleu", "rouge1"}
    if old:
        without_inputs(first.folder)
    changed_metric()
    again = record_texts(source, {}, chosen, test, tmp_path)
    assert again.folder == first.folder
    # what an older record was computed from is not known: it stands
    assert again.repeated == old
    if not old:
        assert read_record(first.folder).inputs.metrics["bleu"] == "edited bleu"
        assert record_texts(source, {}, chosen, test, tmp_path).repeated


@pytest.mark.parametrize("old", [False, True])
def test_floors_of_another_metric_file_are_made_again_in_place(
    chosen, tmp_path: Path, changed_metric, old: bool
):
    test = load_split(chosen, "test")
    folders = floor_folders(chosen, test, tmp_path)
    for folder in folders if old else ():
        without_inputs(folder)
    before = [(folder / RECORD).read_bytes() for folder in folders]
    changed_metric()
    assert floor_folders(chosen, test, tmp_path) == folders
    now = [(folder / RECORD).read_bytes() for folder in folders]
    assert [one == other for one, other in zip(before, now, strict=True)] == [old] * len(folders)


def test_scoring_imports_no_torch():
    heavy = "{'torch', 'transformers', 'peft', 'datasets', 'nltk', 'sacrebleu', 'scipy'}"
    code = f"import sys, harness.pipeline.scored; print(sorted({heavy} & set(sys.modules)))"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
