"""Floors and text quality in a comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.record import QualityScore, read_record, write_record
from harness.reports.compare_runs import compare
from harness.reports.render.plots.panels import caption_of
from harness.reports.render.section import Document
from harness.reports.render.table import Table
from harness.reports.sections.metric_table import WON
from tests.support.synthetic import write_runs

TASK = "product_review"
QUALITY = {
    name: QualityScore(value=value, signature=name, references=references)
    for name, value, references in [
        ("length", 90.0, 100.0), ("repeated_4grams", 40.0, 2.0), ("distinct_2", 50.0, 80.0),
        ("copied_8grams", 9.0, 1.0),
    ]
}  # fmt: skip


def floor(out: Path, name: str, effect: float) -> Path:
    changes = {
        "kind": "floor", "training": None, "inference": None, "likelihood": None,
        "quality": QUALITY, "command": f"(computed from the data: what {name} is)",
    }  # fmt: skip
    (path,) = write_runs(out, [name], [TASK], effect=effect, changes=changes)
    return path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    write_runs(tmp_path, ["rag", "sft"], [TASK], changes={"quality": QUALITY})
    return tmp_path


def table(document: Document, name: str) -> Table:
    return next(one for part in document.sections for one in part.tables if one.name == name)


def facts(document: Document) -> dict:
    (board,) = document.facts["boards"]
    return board


def test_floors_are_grey_rows_of_every_table_and_no_systems(runs: Path):
    floor(runs, "floor-words", -30)
    document = compare([runs])
    for name in ("summary", f"scores_{TASK}", f"quality_{TASK}"):
        found = table(document, name)
        faint = [found.rows[index][0] for index in found.faint]
        assert "floor-words" in faint, name
    assert [one["name"] for one in facts(document)["systems"]] == ["rag", "sft"]
    assert facts(document)["won_by_floors"] == {}
    pairs = table(document, f"pairs_{TASK}")
    assert not any("floor" in str(row[1]) for row in pairs.rows)


def test_the_best_floor_is_a_dotted_curve_of_the_metric_and_rows_of_its_points(runs: Path):
    floor(runs, "floor-words", -30)
    path = floor(runs, "floor-other", 60)
    document = compare([runs])
    drawn = {one.name: one for part in document.sections for one in part.pictures}
    axes = drawn[f"drift_free_bleu_{TASK}"].drawing.axes[0]
    (dotted,) = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
    slices = [one.value for one in read_record(path).slices["bleu"]]
    assert list(dotted.get_ydata()) == slices
    words = caption_of(drawn[f"drift_free_bleu_{TASK}"].drawing)
    assert "dotted: the best floor, floor-other (what floor-other is)" in words
    points = table(document, f"curves_{TASK}")
    grey = [points.rows[index] for index in sorted(points.faint)]
    assert [row[3].value for row in grey if row[0] == "free bleu"] == slices
    assert not any(row[0] == "likelihood" for row in grey)


def test_a_metric_that_a_floor_wins_is_marked_and_its_verdict_says_so(runs: Path):
    floor(runs, "floor-words", -30)
    floor(runs, "floor-other", 60)
    document = compare([runs])
    scores = table(document, f"scores_{TASK}")
    assert all(WON in head.title for head in scores.columns[1:] if head.title.startswith("BLEU"))
    assert any(note.startswith(f"{WON} floor-other") for note in scores.notes)
    assert facts(document)["won_by_floors"]["bleu"] == "floor-other"
    summary = document.sections[0].text
    assert any("floor-other (what floor-other is) scores" in line for line in summary)


def test_floors_of_other_examples_or_another_signature_do_not_count(runs: Path):
    path = floor(runs, "floor-other", 60)
    record = read_record(path)
    one, *_ = record.examples
    write_record(
        replace(record, examples={k: v for k, v in record.examples.items() if k != one}), path
    )
    assert facts(compare([runs]))["floors"] == {}
    other = {name: replace(score, signature="x") for name, score in record.metrics.items()}
    write_record(replace(record, metrics=other), path)
    document = compare([runs])
    assert facts(document)["floors"] == {}
    assert any("No floors are recorded" in note for note in table(document, f"scores_{TASK}").notes)


def test_text_quality_stands_beside_the_references(runs: Path):
    found = table(compare([runs]), f"quality_{TASK}")
    assert found.rows[-1] == ("references", 100.0, 2.0, 80.0, 1.0)


def test_texts_made_elsewhere_have_no_times_and_no_settings_of_decoding(runs: Path):
    changes = {"kind": "scored", "training": None, "inference": None, "quality": QUALITY}
    (path,) = write_runs(runs, ["mine"], [TASK], changes=changes)
    record = read_record(path)
    settings = {key: record.settings[key] for key in ("task", "seed", "data", "eval")}
    device = replace(record.device, device="none", dtype="none", threads=0)
    write_record(replace(record, settings=settings, device=device), path)
    board = facts(compare([runs]))
    assert board["times_compare"] is True
    (mine,) = [one for one in board["systems"] if one["name"] == "mine"]
    assert set(mine["costs"].values()) == {None}
    shown = {row[:2]: row[2] for row in table(compare([runs]), f"settings_{TASK}").rows}
    for key in ("budget.input", "train.epochs", "decode.step"):
        assert shown[key, "not known"] == "mine"
    assert "default" not in {value for _, value in shown}
