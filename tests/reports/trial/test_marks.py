"""A metric that failed its trial is marked where it is shown, on the same data and signature."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.record import read_record
from harness.record.state import write_json
from harness.reports.compare_runs import compare
from harness.reports.trial.marks import failed_metrics, mark_note, stored_trials, trials_near
from tests.support.made_ablation import lam_ablation
from tests.support.synthetic import write_runs
from tests.support.trials import PADS, metric, trial

TASK = "product_review"


def failing(record, name, **changes):
    """A trial on a record's data in which one of its metrics fails."""
    own = {"own": 45.0, "failed": ("own_over_other",), "outcome": "fails"}
    title = {"bleu": "BLEU", "meteor": "METEOR"}[name]
    one = metric(title, signature=record.metrics[name].signature, **own)
    values = {"fingerprint": record.data.test.fingerprint, "metrics": {name: one}}
    return trial(**values | changes)


@pytest.fixture
def runs(tmp_path):
    """Two runs in results/, and the record of one."""
    folder, _ = write_runs(tmp_path / "results", ["sft", "rag"], [TASK])
    return tmp_path / "results", read_record(folder)


def heads(document):
    """Every head of the tables of values, and every note below a table that has a mark."""
    tables = [one for part in document.sections for one in part.tables]
    titles = [column.title for one in tables for column in one.columns]
    return titles, [note for one in tables for note in one.notes if note.startswith(("‡", TASK))]


def test_without_a_trial_nothing_is_shown(runs):
    document = compare([runs[0]])
    titles, notes = heads(document)
    assert document.facts["boards"][0]["failed_trials"] == {}
    assert not any("‡" in each for each in (*titles, *notes))


def test_a_run_behind_a_link_has_the_trials_of_the_results_that_link_to_it(runs, tmp_path):
    results, record = runs
    write_json(results / "trial" / "one.json", failing(record, "bleu"))
    for method in ("rag", "sft"):
        place = results / record.task / method
        place.rename(tmp_path / method)
        place.symlink_to(tmp_path / method, target_is_directory=True)
    (facts,) = compare([results]).facts["boards"]
    assert list(facts["failed_trials"]) == ["bleu"]


def test_a_failed_metric_is_marked_in_every_table_with_one_line_why(runs):
    results, record = runs
    write_json(results / "trial" / "one.json", failing(record, "bleu"))
    document = compare([results])
    titles, notes = heads(document)
    assert titles.count("BLEU ‡") == 2  # of the summary and of all scores
    (facts,) = document.facts["boards"]
    assert list(facts["failed_trials"]) == ["bleu"]
    assert "not shown to prefer" in facts["failed_trials"]["bleu"]
    line = (
        "‡ BLEU failed its trial on these data: it is not shown to prefer another text of the same"
        " author to another author's text on the same subject (45 [37, 53] %). A better value does"
        " not show a more personal text (harness trial)."
    )
    assert {line, f"{TASK}: {line}"} <= set(notes)


def test_a_metric_that_is_not_the_main_one_is_marked_among_all_scores(runs):
    results, record = runs
    write_json(results / "trial" / "one.json", failing(record, "meteor"))
    titles, _ = heads(compare([results]))
    assert titles.count("METEOR ‡") == 1
    assert "BLEU" in titles


@pytest.mark.parametrize(
    "changes",
    [{"fingerprint": "0" * 64}, {"seed": 1}, {"metrics": {"bleu": replace(PADS, signature="x")}}],
    ids=["other data", "another draw", "another signature"],
)
def test_a_trial_of_something_else_marks_nothing(runs, changes):
    results, record = runs
    write_json(results / "trial" / "one.json", replace(failing(record, "bleu"), **changes))
    titles, _ = heads(compare([results]))
    assert "BLEU ‡" not in titles


def test_an_ablation_marks_it_too(tmp_path):
    from harness.reports.ablation.ablation_page import document

    found = lam_ablation(tmp_path / "results")
    first = found.board.systems[0].runs[0]
    place = first.folder.parent.parent.parent / "trial" / "one.json"
    write_json(place, failing(first.record, "bleu"))
    shown = document(found).sections[0].tables[0]
    assert "BLEU ‡" in [column.title for column in shown.columns]


def test_a_trial_may_lie_above_the_results_folder(tmp_path):
    write_json(tmp_path / "results" / "trial" / "one.json", trial())
    assert trials_near(tmp_path / "results" / "published" / "mini") == [trial()]
    assert trials_near(tmp_path / "results" / "a" / "b" / "c") == []


def test_a_file_that_is_no_trial_is_not_read(tmp_path):
    (tmp_path / "trial.json").write_text('{"schema_version": 2}')
    (tmp_path / "text.json").write_text("no JSON")
    write_json(tmp_path / "good.json", trial())
    assert stored_trials(tmp_path) == [trial()]
    assert stored_trials(tmp_path / "nowhere") == []


def test_the_trial_with_the_most_examples_counts():
    passes = replace(PADS, outcome="passes", failed=())
    few, many = (
        trial(examples=count, metrics={"meteor": one}) for count, one in ((20, PADS), (80, passes))
    )
    assert failed_metrics([few], "f" * 64, {"meteor": "METEOR"}) == {"meteor": PADS}
    assert failed_metrics([many, few], "f" * 64, {"meteor": "METEOR"}) == {}


@pytest.mark.parametrize("outcome", ["too few users", "no value"])
def test_a_larger_trial_without_a_verdict_takes_no_mark_away(outcome):
    without = trial(examples=80, metrics={"meteor": replace(PADS, outcome=outcome, failed=())})
    few = trial(examples=20)
    assert failed_metrics([without, few], "f" * 64, {"meteor": "METEOR"}) == {"meteor": PADS}


def test_a_mean_over_samples_is_marked_like_one_text():
    assert failed_metrics([trial()], "f" * 64, {"meteor": "METEOR|samples:3"}) == {"meteor": PADS}


def test_the_note_is_one_line():
    assert "\n" not in mark_note(PADS)
