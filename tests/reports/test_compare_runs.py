"""The whole report: its verdict, its sections, its JSON, and what cannot be compared."""

import dataclasses
import re

import pytest

from harness.errors import DataError
from harness.record import DeviceInfo, read_record
from harness.reports.compare_runs import compare
from harness.reports.render.pages import to_html
from harness.reports.render.report_files import write_report
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import METHODS, column, made_up, write_runs

TASK = ["product_review"]


def test_the_first_sentence_is_the_verdict_with_its_cost(document):
    (sentence,) = document.sections[0].text
    # the made-up effects: flythinker 3 points above sft, 1.2 times its time
    assert sentence.startswith("product_review: flythinker scores best on BLEU, ")
    assert re.search(r"significantly better than sft: \+\d\.\d\d \[\+\d\.\d\d, \+\d\.\d\d\]",
                     sentence)  # fmt: skip
    assert "1.4 × that of sft; time per text 0.36 s, 1.2 × that of sft." in sentence
    assert sentence.endswith(
        " About these checkpoints: a verdict about methods needs three training seeds of each."
    )


def test_sections_come_in_the_order_of_a_readers_questions(document):
    names = [section.name for section in document.sections]
    assert names == [
        "summary", "scores", "drift", "lift", "authors", "certificate", "controls", "claims",
        "costs", "examples", "provenance",
    ]  # fmt: skip


@pytest.mark.parametrize(("samples", "unit"), [(1, "texts"), (3, "examples")])
def test_what_is_counted_is_named(tmp_path, samples, unit):
    sets = {name: [f"decode.samples={samples}"] for name in ("rag", "sft")}
    write_runs(tmp_path, list(sets), TASK, examples=12, assignments=sets)
    sections = compare([tmp_path]).sections
    words = "\n".join(
        line
        for one in sections
        for line in (*one.text, *(note for t in one.tables for note in t.notes))
    )
    assert f"n = 12 {unit} of 12 users." in words
    assert f"; 8 of 12 {unit}, sorted by their difference in BLEU." in words
    (board,), _ = load_boards([tmp_path])
    assert board.counted.startswith(f"12 users (12 {unit})")


def test_a_view_that_no_run_has_leaves_no_section(tmp_path):
    write_runs(tmp_path, ["rag", "nonpers"], TASK, examples=12)
    names = [section.name for section in compare([tmp_path]).sections]
    assert names == ["summary", "scores", "drift", "costs", "examples", "provenance"]


def test_one_method_alone_has_a_report_without_pairs(tmp_path):
    write_runs(tmp_path, ["rag"], TASK, examples=12)
    document = compare([tmp_path])
    write_report(document, tmp_path / "report")
    assert all(table.rows for section in document.sections for table in section.tables)


def test_json_has_every_pair_of_every_measure(document):
    board = document.facts["boards"][0]
    assert document.facts["main"] == "bleu"
    assert (board["texts"], board["users"], board["times_compare"]) == (40, 40, True)
    for measure in board["measures"].values():
        assert len(measure["comparisons"]) == 15  # six methods
        assert sorted(measure["best_first"]) == sorted(METHODS)
    bleu = board["measures"]["bleu"]["comparisons"][0]
    assert set(bleu) == {"first", "second", "difference", "low", "high", "p_value", "p_holm",
                         "smallest_detectable", "users", "reason", "verdict", "about",
                         "at_equal_length"}  # fmt: skip
    assert bleu["about"] == "methods"  # nonpers and rag are not trained
    assert board["about"] == "checkpoints"  # the others have one seed
    assert board["measures"]["bleu"]["values"]["sft"]["about"] == "checkpoints"
    assert set(bleu["at_equal_length"]) == {"value", "low", "high", "users", "about", "reason"}


def test_times_of_different_machines_are_not_compared(tmp_path):
    write_runs(tmp_path, ["sft"], TASK)
    write_runs(
        tmp_path,
        ["rag"],
        TASK,
        changes={"device": DeviceInfo(device="cuda:0", dtype="float32", threads=2)},
    )
    document = compare([tmp_path])
    summary = document.sections[0].tables[0]
    for head in ("training", "time per text"):
        assert column(summary, head) == ["–", "–"]
    assert "Cost:" not in document.sections[0].text[0]


def test_papers_numbers_are_reference_rows_of_their_task_but_not_on_mini(tmp_path):
    data = made_up("product_review", "sft", examples=12).data
    data = dataclasses.replace(data, source="x", kind="folder")
    write_runs(tmp_path, ["sft", "rag"], TASK, examples=12, changes={"data": data})
    settings = {"data": {**read_record(next(tmp_path.rglob("s0-*"))).settings["data"]}}
    assert settings["data"]["source"] == "mini"  # only the record's data say so here
    for section in compare([tmp_path]).sections[:2]:
        table = section.tables[0]
        marked = [table.shown()[at] for at in sorted(table.faint)]
        assert [row[0].text for row in marked] == [
            "rag (reported, not reproduced here)", "sft (reported, not reproduced here)"
        ]  # fmt: skip
        assert {cell.text for row in marked for cell in row[1:]} == {"3.30", "3.91", "–"}


def test_tasks_are_groups_of_one_table(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], ["product_review", "topic_writing"], examples=12)
    document = compare([tmp_path])
    over_both, *each = document.sections[0].text
    assert over_both == "Best on BLEU over 2 tasks: sft in 2."
    assert [text.partition(":")[0] for text in each] == ["product_review", "topic_writing"]
    table = document.sections[0].tables[0]
    assert table.groups == ("product_review",) * 2 + ("topic_writing",) * 2
    assert 'class="group"' in to_html(document)


def test_a_task_that_is_not_comparable_stops_everything(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], TASK)
    write_runs(tmp_path, ["sft", "rag"], ["topic_writing"],
               assignments={"rag": ["decode.max_new_tokens=9"]})  # fmt: skip
    with pytest.raises(DataError, match="topic_writing: these runs are not comparable"):
        compare([tmp_path])


def test_the_verdict_is_about_methods_and_names_better_variants_apart(tmp_path):
    write_runs(tmp_path, ["rag", "sft", "flythinker"], TASK)
    control = {"sft": ["method.flops_of=flythinker"]}
    write_runs(tmp_path, ["sft"], TASK, assignments=control, effect=9.0)
    summary, *_ = compare([tmp_path]).sections
    words = " ".join(summary.text)
    assert "scores best of the methods on BLEU" in words
    assert "sft (flops_of=flythinker) scores best" not in words
    assert "score better than it: sft (flops_of=flythinker) (+" in words
    notes = " ".join(summary.tables[0].notes)
    assert "significant only if p is below 0.05 and its interval excludes 0" in notes
