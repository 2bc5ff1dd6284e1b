"""Lift in the profile swap, compared between systems: values, family, what is left out."""

import dataclasses
import json
import re

import numpy as np
import pytest

from harness import statistics
from harness.metrics.lift import APART
from harness.reports.compare_runs import Options, compare
from harness.reports.compared.verdicts import Compared, lift_contrasts
from harness.reports.render.numbers import NONE
from harness.reports.render.report_files import write_report
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.reports.sections.lift_by_profile import lift_part
from harness.reports.sections.verdict_sentences import ABOUT_CHECKPOINTS
from harness.statistics import MEAN, mean_rows
from tests.support.synthetic import write_runs

TASK = ["product_review"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three methods with every view; sft and cot have nearly the same effect, rag far less."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, ["rag", "sft", "cot"], TASK, full=True)
    return out


@pytest.fixture(scope="module")
def board(runs):
    (found,), _ = load_boards([runs])
    return checked(found, allow_different=False)


def without_values(record):
    """The form of records before they stored the lift of each example."""
    examples = {
        key: dataclasses.replace(values, lift=None) for key, values in record.examples.items()
    }
    return dataclasses.replace(record, examples=examples)


def bare(board, method):
    """The board with one method's record as an older harness wrote it."""
    systems = []
    for system in board.systems:
        runs = tuple(
            dataclasses.replace(run, record=without_values(run.record))
            if system.name == method
            else run
            for run in system.runs
        )
        systems.append(dataclasses.replace(system, runs=runs))
    return dataclasses.replace(board, systems=tuple(systems))


def test_a_pair_is_the_paired_comparison_of_the_examples_lifts(board):
    lifts = lift_contrasts(board, "rougeL")
    likely = lifts[0]
    gains = {
        system.name: [
            system.record.examples[key].lift.likelihood["random"]["all"] for key in board.ids
        ]
        for system in board.systems
    }
    panel = dataclasses.replace(board.panel, family=len(lifts) * len(likely.pairs))
    expected = statistics.compare(
        MEAN, mean_rows(gains["rag"]), mean_rows(gains["sft"]), panel, (False, True)
    )
    found = likely.pairs["rag", "sft"]
    for name in ("difference", "low", "high", "p_value", "smallest_detectable"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name
    assert likely.values["sft"].value == pytest.approx(np.mean(gains["sft"]))


def test_every_number_of_other_users_is_named(board):
    first, *others = board.systems
    run = first.runs[0]
    record = dataclasses.replace(run.record, lift=dataclasses.replace(run.record.lift, donors=2))
    fewer = dataclasses.replace(first, runs=(dataclasses.replace(run, record=record),))
    mixed = dataclasses.replace(board, systems=(fewer, *others))
    for part, donors in ((board, "4 other users"), (mixed, "2 or 4 other users")):
        table = lift_part(Compared(part, {}, "bleu")).tables[0]
        assert table.notes[0].startswith(f"{donors} per text")


def test_lifts_over_other_users_are_one_family(board):
    found = lift_contrasts(board, "rougeL")
    assert [one.measure.title for one in found] == [
        "lift on likelihood, own − random other",
        "lift on likelihood, own − topic-matched other",
        "lift on ROUGE-L, own − random other",
        "lift on ROUGE-L, own − topic-matched other",
    ]
    p_values = sorted(pair.p_value for one in found for pair in one.pairs.values())
    assert len(p_values) == 12
    smallest = min(
        (pair for one in found for pair in one.pairs.values()), key=lambda pair: pair.p_value
    )
    assert smallest.p_holm == pytest.approx(min(1.0, 12 * p_values[0]))


def test_the_section_names_what_differs_and_letters_agree(board):
    lifts = lift_contrasts(board, "rougeL")
    section = lift_part(Compared(board, {}, "rougeL", lifts))
    (sentence, *_) = section.text
    assert sentence.startswith(
        "product_review: cot scores best on lift on likelihood, own − random"
    )
    assert "It is significantly better than rag: +0.1" in sentence
    # a sentence without a verdict has the interval
    assert re.search(r"No significant difference from sft \([^)]+ \[[^]]+\]\)\.", sentence)
    likely, texts, pairs = section.tables
    assert {row[0].text: row[1].letters for row in likely.shown()} == {
        "rag": "b", "sft": "a", "cot": "a"
    }  # fmt: skip
    assert [row[3].letters for row in likely.shown()] == ["", "", ""]  # own − none: no family
    rouge = [row for row in texts.ungrouped().shown() if row[0].text == "ROUGE-L"]
    assert [row[2].letters for row in rouge] == ["b", "a", "a"]
    assert len(pairs.rows) == 12
    assert pairs.folded


def test_a_record_without_examples_lifts_is_shown_and_not_compared(board):
    old = bare(board, "sft")
    assert lift_contrasts(old, "rougeL") == []
    section = lift_part(Compared(old, {}, "rougeL"))
    likely = section.tables[0]
    assert [row[0].text for row in likely.shown()] == ["rag", "sft", "cot"]
    assert {row[1].letters for row in likely.shown()} == {""}
    assert section.text == ()
    new = lift_part(Compared(board, {}, "rougeL")).tables[0]
    assert likely.shown()[1][1] == new.shown()[1][1]  # one seed: the record's own interval


def test_an_old_record_shows_no_lift_of_a_metric_that_is_no_mean_of_its_examples(board):
    systems = []
    for system in board.systems:
        (run,) = system.runs
        whole = dataclasses.replace(run.record.metrics["rougeL"], value=77.0, low=None, high=None)
        record = dataclasses.replace(run.record, metrics=run.record.metrics | {"rougeL": whole})
        run = dataclasses.replace(run, record=record)
        systems.append(dataclasses.replace(system, runs=(run,)))
    old = dataclasses.replace(board, systems=tuple(systems))
    for each, shown in ((board, {"ROUGE-L", "BLEU"}), (old, {"BLEU"})):
        table = lift_part(Compared(each, {}, "bleu")).tables[1]
        rows = table.ungrouped().shown()
        assert {row[0].text for row in rows} == {"ROUGE-L", "BLEU"}
        assert {row[0].text for row in rows for one in row[2:] if one.text != NONE} == shown
        assert table.notes[1:] == ((f"ROUGE-L: {APART}.",) if each is old else ())


def test_variants_are_compared_in_lift_where_their_method_has_none(tmp_path):
    write_runs(tmp_path, ["flythinker"], TASK)
    for given in ("lam=0.2", "lam=1.0"):
        assignments = {"flythinker": [f"method.{given}"]}
        write_runs(tmp_path, ["flythinker"], TASK, assignments=assignments, full=True)
    document = compare([tmp_path], Options(texts=False))
    (section,) = [one for one in document.sections if one.name == "lift"]
    sentence = next(one for one in section.text if one.startswith("product_review: "))
    assert "flythinker (lam=0.2) and flythinker (lam=1) score alike on lift" in sentence
    assert "No significant difference from flythinker (lam=" in sentence


@pytest.mark.parametrize(
    ("seeds", "users", "checkpoints"),
    [((0,), 40, True), ((0, 1, 2), 40, False), ((0,), 12, False)],  # 12 users: no verdict
)
def test_lift_of_few_seeds_is_said_to_be_about_checkpoints(tmp_path, seeds, users, checkpoints):
    write_runs(tmp_path, ["rag", "sft"], TASK, seeds=seeds, examples=users, full=True)
    # three seeds of every method: only those that have the lift count
    rest = tuple(seed for seed in (0, 1, 2) if seed not in seeds)
    write_runs(tmp_path, ["rag", "sft"], TASK, seeds=rest, examples=users)
    (found,), _ = load_boards([tmp_path])
    board = checked(found, allow_different=False)
    assert board.about == "methods"
    text = lift_part(Compared(board, {}, "bleu", lift_contrasts(board, "bleu"))).text
    assert len(text) == 4
    assert {one.endswith(ABOUT_CHECKPOINTS) for one in text} == {checkpoints}


def test_a_main_measure_without_lift_leaves_likelihood(board):
    assert [one.measure.name for one in lift_contrasts(board, "meteor")] == [
        "lift likelihood random all", "lift likelihood topic all"
    ]  # fmt: skip


def test_the_json_document_has_them(runs, tmp_path):
    write_report(compare([runs]), tmp_path)
    (board,) = json.loads((tmp_path / "comparisons.json").read_text())["boards"]
    assert list(board["lift"]) == [
        f"lift {view} {kind} {name}"
        for view, name in (("likelihood", "all"), ("texts", "bleu"))
        for kind in ("random", "topic")
    ]
    first = board["lift"]["lift likelihood random all"]
    assert first["best_first"][-1] == "rag"
    assert {(one["first"], one["second"]) for one in first["comparisons"]} == {
        ("rag", "sft"), ("rag", "cot"), ("sft", "cot")
    }  # fmt: skip
    assert (tmp_path / "tables" / "lift_pairs_product_review.csv").is_file()


def marked(board):
    """Which lifts on likelihood are marked as the best: (system, column)."""
    lifts = lift_contrasts(board, "rougeL")
    table = lift_part(Compared(board, {}, "rougeL", lifts)).tables[0]
    return {(row[0].text, at) for row in table.shown() for at, one in enumerate(row) if one.best}


def test_the_best_lift_is_marked_only_if_a_test_shows_it(board):
    # cot is best and better than rag; own − none (column 3) is not tested
    assert marked(board) == {("cot", 1), ("cot", 2)}
    alike = tuple(one for one in board.systems if one.name != "rag")
    assert marked(dataclasses.replace(board, systems=alike)) == set()


def test_the_note_on_untested_pairs_names_the_table_of_lift(board):
    few = frozenset(board.ids[:15])
    systems = [
        dataclasses.replace(
            one,
            runs=tuple(
                dataclasses.replace(run, record=with_lift_on(run.record, few)) for run in one.runs
            ),
        )
        if one.name == "rag"
        else one
        for one in board.systems
    ]
    part_board = dataclasses.replace(board, systems=tuple(systems))
    part = lift_part(Compared(part_board, {}, "rougeL", lift_contrasts(part_board, "rougeL")))
    (note,) = (line for line in part.text if "not tested on" in line)
    (title,) = (table.title for table in part.tables if "pairs" in table.title)
    assert f"(“{title}” says why)" in note


def with_lift_on(record, ids):
    """The record with lift on these examples alone."""
    examples = {
        key: values if key in ids else dataclasses.replace(values, lift=None)
        for key, values in record.examples.items()
    }
    return dataclasses.replace(record, examples=examples)


def test_a_metric_that_only_another_system_has_is_shown_for_it(board):
    first, *rest = board.systems
    (run,) = first.runs
    texts = {
        kind: {name: pair for name, pair in gains.items() if name != "rougeL"}
        for kind, gains in run.record.lift.texts.items()
    }
    lift = dataclasses.replace(run.record.lift, texts=texts)
    run = dataclasses.replace(run, record=dataclasses.replace(run.record, lift=lift))
    less = dataclasses.replace(board, systems=(dataclasses.replace(first, runs=(run,)), *rest))
    (compared,) = [Compared(less, {}, "bleu", lift_contrasts(less, "bleu"))]
    table = next(one for one in lift_part(compared).tables if one.name.startswith("lift_texts"))
    assert table.groups.count("ROUGE-L") == len(board.systems)
