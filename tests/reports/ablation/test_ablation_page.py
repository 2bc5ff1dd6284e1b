"""An ablation's report: curves over λ and size, a map over two settings, failures, claims."""

import dataclasses
import re

import numpy as np
import pytest

from harness.errors import DataError
from harness.record import ModelInfo, read_record
from harness.reports.ablation.ablation_page import document, facts, sentences
from harness.reports.ablation.figures import positions_of
from harness.reports.ablation.values import Axis, Tried, ablation
from harness.reports.render.pages import to_html
from harness.reports.render.plots.panels import caption_of
from harness.reports.render.report_files import write_report
from tests.support.made_ablation import (
    HISTORY,
    LAM,
    SIZE,
    grid,
    lam_ablation,
    passes_and_lam,
    size_ablation,
)
from tests.support.synthetic import write_runs


@pytest.fixture(scope="module")
def over_lam(tmp_path_factory):
    return lam_ablation(tmp_path_factory.mktemp("lam"))


@pytest.fixture(scope="module")
def over_size(tmp_path_factory):
    return size_ablation(tmp_path_factory.mktemp("size"))


@pytest.fixture(scope="module")
def map_of_two(tmp_path_factory):
    return grid(tmp_path_factory.mktemp("grid"))


def texts(found):
    """The axes of an ablation's figures, and every text in them."""
    axes = [one.drawing.axes[0] for one in document(found).sections[0].pictures]
    return axes, [text.get_text() for one in axes for text in one.texts]


def verdicts(found):
    return {one["statement"]: one["verdict"] for one in facts(found)["claims"]}


def test_the_papers_claims_about_lam_are_answered(tmp_path):
    found = lam_ablation(tmp_path, seeds=(0, 1, 2))
    assert verdicts(found) == {
        "λ = 0 equals SFT": "CANNOT TELL",  # equal effects, but not the same texts
        "λ from 0.2 to 2.0 is above SFT": "CANNOT TELL",  # every value is, but 2.0 was not run
        "λ = 5 is worse than λ = 0.5": "HOLDS",
    }
    (best,) = document(found).sections[0].text
    assert best.startswith("Best on BLEU (0–100): lam=1,")
    assert "Significantly better than sft: lam=0.2, lam=0.5 and lam=1" in best
    above = facts(found)["claims"][1]["parts"]
    assert [part["names"] for part in above] == [
        ("lam=0.2", "sft"), ("lam=0.5", "sft"), ("lam=1", "sft")
    ]  # fmt: skip
    assert {part["verdict"] for part in above} == {"HOLDS"}
    table = document(found).sections[0].tables[1]
    assert [row[1] for row in table.rows] == ["CANNOT TELL", "CANNOT TELL", "HOLDS"]
    assert table.rows[1][2].endswith("; not run here: flythinker with lam 2")


def test_equal_values_are_best_alike(over_lam):
    main = over_lam.main
    values = {**main.values, "lam=0.5": main.values["lam=1"]}
    main = dataclasses.replace(main, values=values)
    contrasts = {**over_lam.compared.contrasts, over_lam.compared.main_name: main}
    compared = dataclasses.replace(over_lam.compared, contrasts=contrasts)
    (line,) = sentences(dataclasses.replace(over_lam, compared=compared))
    assert line.startswith("Best on BLEU (0–100): lam=0.5 and lam=1 alike, ")


def test_one_seed_answers_no_claim(over_lam):
    assert set(verdicts(over_lam).values()) == {"CANNOT TELL"}


def test_claims_are_about_flythinker_and_need_their_reference(over_lam):
    rag = dataclasses.replace(over_lam, reference="rag", compared=dataclasses.replace(
        over_lam.compared, board=dataclasses.replace(over_lam.board, systems=tuple(
            one for one in over_lam.board.systems if one.name != "sft"))))  # fmt: skip
    assert list(verdicts(rag)) == ["λ = 5 is worse than λ = 0.5"]
    assert verdicts(dataclasses.replace(over_lam, axes=(HISTORY,))) == {}
    assert verdicts(dataclasses.replace(over_lam, axes=(LAM, HISTORY))) == {}


def test_a_failed_value_is_shown_as_failed_everywhere(rendered, over_lam, tmp_path):
    report = document(over_lam)
    assert "lam=2: failed in seed 0: out of memory" in report.warnings
    row = next(row for row in report.sections[0].tables[0].shown() if row[0].text == "2")
    assert [cell.text for cell in row[1:]] == ["failed", *["–"] * (len(row) - 3), "0"]
    axes, notes = texts(over_lam)
    assert notes.count("× failed") == len(axes) == 2  # BLEU and NLL
    write_report(report, tmp_path)
    assert "failed" in (tmp_path / "report.md").read_text()
    assert "× failed" in (tmp_path / "figures" / "ablation_lam.svg").read_text()


def test_the_reference_is_a_second_curve(over_lam):
    panels, notes = texts(over_lam)
    for axes in panels:
        method, reference = axes.get_lines()
        assert np.ptp(reference.get_ydata()) == 0  # one sft for every value
        assert np.isnan(method.get_ydata()[4])  # lam=2 failed: a gap, not a bridge
    assert {" flythinker", " sft"} <= set(notes)


def test_sizes_stand_where_their_parameters_are(over_size):
    at = positions_of(over_size)
    assert at.by_size
    assert at.x == {"reasoner=sixth": 0.2, "reasoner=half": 0.6, "reasoner=whole": 1.2}
    (axes, *_), notes = texts(over_size)
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "0.20\nsixth", "0.60\nhalf", "1.20\nwhole"
    ]  # fmt: skip
    assert "× failed: broken" in notes  # no run, so no size
    assert axes.get_xlabel() == "parameters of the reasoner, millions (logarithmic)"


def test_without_sizes_values_are_evenly_spaced(over_size):
    cells = [
        dataclasses.replace(cell, system=dataclasses.replace(cell.system, runs=tuple(
            dataclasses.replace(run, record=dataclasses.replace(run.record, backbone=ModelInfo()))
            for run in cell.system.runs))) if cell.system else cell
        for cell in over_size.cells
    ]  # fmt: skip
    at = positions_of(dataclasses.replace(over_size, cells=tuple(cells)))
    assert (at.by_size, list(at.x.values())) == (False, [0.0, 1.0, 2.0, 3.0])


def test_claims_about_size_go_by_the_share_of_the_generators_parameters(tmp_path):
    found = verdicts(size_ablation(tmp_path, seeds=(0, 1, 2)))
    assert set(found.values()) == {"HOLDS"}
    assert len(found) == 3


def test_a_map_keeps_its_ink_on_a_dark_page(rendered, map_of_two):
    _, notes = texts(map_of_two)
    assert sum(note == "failed" for note in notes) == 1
    assert [note.split("\n")[0][-1] for note in notes if "\n" in note] == list("5▲▼▲▲")
    page = to_html(document(map_of_two))
    inside = re.findall(r'<text style="([^"]*)"[^>]*>\d\d\.\d\d(?: [▲▼])?<', page)
    assert len(inside) == 5
    # their ground is the same in light and dark, so the page must not colour them
    assert not [style for style in inside if "currentColor" in style]


def test_a_reference_that_one_of_two_settings_changes_is_one_system_for_each_of_its_values(
    tmp_path,
):
    over_passes, found = passes_and_lam(tmp_path)
    assert list(found.references.values()) == [f"sft, {one}" for one in over_passes]
    assert [one.name for one in found.board.systems][4:] == ["sft, epochs=2", "sft, epochs=4"]
    report = document(found)
    assert report.subtitle.startswith("6 runs on ")
    assert [row[0] for row in report.sections[0].tables[0].rows[4:]] == [
        "sft, epochs=2", "sft, epochs=4"
    ]  # fmt: skip
    caption = caption_of(report.sections[0].pictures[0].drawing)
    assert caption.count("sft, epochs=") == 2


def test_where_failures_hide_which_setting_changes_the_reference_its_name_has_both(tmp_path):
    _, found = passes_and_lam(tmp_path, failed=(("0", "4"), ("1", "2")))
    assert list(found.references.values()) == ["sft, lam=0 · epochs=2", "sft, lam=1 · epochs=4"]


def test_an_ablation_without_any_run_says_why():
    tried = [Tried(("1",), (), (), {0: "out of memory"})]
    with pytest.raises(DataError, match=r"no value of the ablation has a finished run\nout of mem"):
        ablation("flythinker", [LAM], tried, None)


def test_axes_are_named_in_words(over_lam):
    (axes, *_), _ = texts(over_lam)
    assert axes.get_xlabel() == "λ, the weight of a thought"
    assert isinstance(LAM, Axis)
    assert SIZE.key == "model.reasoner"


def floor_beside(out):
    """Floors lie beside the runs that recorded them."""
    changes = {"kind": "floor", "training": None, "inference": None, "likelihood": None,
               "command": "(computed from the data: the longest entry)"}  # fmt: skip
    (path,) = write_runs(out, ["floor-longest"], ["product_review"], effect=60, changes=changes)
    return read_record(path)


def test_a_map_gives_the_best_floor_in_its_caption(tmp_path):
    floor_beside(tmp_path / "1-0")
    (picture,) = document(grid(tmp_path, ("0", "5"))).sections[0].pictures
    words = caption_of(picture.drawing)
    assert "; the best floor, floor-longest (the longest entry): " in words


def test_floors_are_grey_rows_a_faint_level_and_facts(tmp_path):
    floor = floor_beside(tmp_path / "1").metrics["bleu"]
    found = lam_ablation(tmp_path)
    report = document(found)
    shown = report.sections[0].tables[0]
    (row,) = (shown.rows[index] for index in shown.faint)
    assert row[0] == "floor-longest"
    assert (row[1].value, row[1].low) == (floor.value, floor.low)
    assert [column.title for column in shown.columns][1] == "BLEU ⚑"
    assert any("floor-longest: the longest entry" in note for note in shown.notes)
    assert facts(found)["won_by_floors"]["bleu"] == "floor-longest"
    assert all(value["values"] != ["floor-longest"] for value in facts(found)["values"])
    bleu, nll = (picture.drawing for picture in report.sections[0].pictures)
    levels = [line for line in bleu.axes[0].get_lines() if line.get_linestyle() == ":"]
    assert [set(line.get_ydata()) for line in levels] == [{floor.value}]
    caption = caption_of(bleu).replace("- ", "-")  # a line may end in a hyphen
    assert "dotted: the best floor, floor-longest (the longest entry)" in caption
    assert "one training seed; about checkpoints" in caption
    assert facts(found)["about"] == "checkpoints"
    assert "About these checkpoints: a verdict about methods needs" in sentences(found)[0]
    about = [column.title for column in shown.columns].index("about")
    assert shown.rows[0][about] in ("checkpoints", None)
    assert "floor" not in caption_of(nll)
