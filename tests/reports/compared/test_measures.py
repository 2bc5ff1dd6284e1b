"""Which metrics are compared; why one is not, in words; what is shown where room is short."""

import dataclasses

import numpy as np
import pytest

from harness.errors import DataError, UsageError
from harness.metrics.base import MeanMetric
from harness.reports.compared.measures import (
    brief,
    main_measure,
    measures_of,
    not_compared,
)
from harness.reports.compared.verdicts import Compared, compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.sections.metric_table import scores_part
from tests.support.synthetic import made_up, write_runs
from tests.support.synthetic_parts import metrics_of


@pytest.fixture
def board(tmp_path):
    """Two methods whose records are to be changed by `with_metric`."""
    write_runs(tmp_path, ["sft", "rag"], ["product_review"], examples=12)
    (found,), _ = load_boards([tmp_path])
    return found


def with_metric(system, name, value=None):
    """The system with a further metric: the values of its ROUGE-1; `value` replaces its score."""
    record = system.record
    score = record.metrics["rouge1"]
    score = score if value is None else dataclasses.replace(score, value=value)
    examples = {
        key: dataclasses.replace(one, scores={**one.scores, name: one.scores["rouge1"]})
        for key, one in record.examples.items()
    }
    record = dataclasses.replace(record, metrics={**record.metrics, name: score}, examples=examples)
    return dataclasses.replace(system, runs=(dataclasses.replace(system.runs[0], record=record),))


def changed(board, name, which=2, value=None):
    systems = [with_metric(one, name, value) for one in board.systems[:which]]
    return dataclasses.replace(board, systems=(*systems, *board.systems[which:]))


@pytest.mark.parametrize(
    ("name", "which", "value", "why"),
    [
        ("mine", 2, None, "not installed here; give its file with --plugin, or install"),
        ("evaluate:mine", 1, None, "not in every run"),
    ],
)
def test_a_metric_that_is_not_compared_is_named_on_the_page(board, name, which, value, why):
    part = changed(board, name, which, value)
    assert name not in [one.name for one in measures_of(part)]
    assert not_compared(part)[name].startswith(why)
    table = scores_part(Compared(part, {}, "rouge1")).tables[0]
    assert [note for note in table.notes if note.startswith(f"Not shown: {name} ({why}")]


def test_a_score_that_its_examples_do_not_give_is_refused_by_name(board):
    run = board.systems[0].record
    with pytest.raises(DataError) as error:
        measures_of(changed(board, "evaluate:mine", value=3.0))
    head = f"{run.method}, run {run.run_id}: the examples' values of evaluate:mine do not give"
    assert head in str(error.value)
    assert "expected  3, as recorded" in str(error.value)
    # a value without an interval never was the examples' own: it is left out, not refused
    systems = []
    for one in changed(board, "evaluate:mine", value=3.0).systems:
        score = dataclasses.replace(one.record.metrics["evaluate:mine"], low=None, high=None)
        metrics = {**one.record.metrics, "evaluate:mine": score}
        record = dataclasses.replace(one.record, metrics=metrics)
        run = dataclasses.replace(one.runs[0], record=record)
        systems.append(dataclasses.replace(one, runs=(run,)))
    part = dataclasses.replace(board, systems=tuple(systems))
    assert not_compared(part)["evaluate:mine"].startswith("no values by example that give the")


def test_a_metric_of_the_evaluate_library_is_compared_from_its_values(board):
    part = changed(board, "evaluate:mine")
    assert "evaluate:mine" in [one.name for one in measures_of(part)]
    assert not_compared(part) == {}


def without_text(board, key):
    """The board where the first system lacks an example."""
    first, *rest = board.systems
    examples = {name: one for name, one in first.record.examples.items() if name != key}
    scores = {**first.record.metrics, **metrics_of(examples)}
    record = dataclasses.replace(first.record, examples=examples, metrics=scores)
    few = dataclasses.replace(first, runs=(dataclasses.replace(first.runs[0], record=record),))
    return dataclasses.replace(board, systems=(few, *rest))


@pytest.mark.parametrize("name", ["evaluate:mine", "evaluate:mine?better=lower"])
def test_where_texts_are_missing_a_metric_of_unknown_worst_value_is_not_compared(board, name):
    whole, part = changed(board, name), changed(without_text(board, board.ids[0]), name)
    assert name in [one.name for one in measures_of(whole)]
    assert list(not_compared(part)) == [name]  # ROUGE of an empty text is 0, and is compared
    assert not_compared(part)[name].startswith("texts are missing in some runs, and what this")
    with pytest.raises(UsageError, match="is not compared: texts are missing in some runs"):
        main_measure(measures_of(part), name, [part])


def without_values(board, reasons):
    """The board of records that have no value: every metric is missing for a reason."""
    systems = []
    for one in board.systems:
        metrics = {
            name: dataclasses.replace(score, value=None, low=None, high=None, missing=reasons(name))
            for name, score in one.record.metrics.items()
        }
        record = dataclasses.replace(one.record, metrics=metrics, likelihood=None)
        run = dataclasses.replace(one.runs[0], record=record)
        systems.append(dataclasses.replace(one, runs=(run,)))
    return dataclasses.replace(board, systems=tuple(systems))


def test_where_no_measure_is_shared_each_metrics_reason_is_given(board):
    unseen = "100.0 % of the references' letters unseen: --set eval.tokenizer=unicode"
    first, *others = board.records[0].metrics
    part = without_values(board, lambda name: "too short" if name == first else unseen)
    for boards in ([part], [part, part]):
        with pytest.raises(UsageError) as refused:
            compare_boards(boards)
        assert str(refused.value).split("\n") == [
            "these runs share no measure; expected a metric or NLL in all of them",
            f"{first}: too short",
            f"{', '.join(others)}: {unseen}",
        ]


def test_a_mean_whose_lower_value_is_better_says_nothing_of_an_empty_text():
    class Distance(MeanMetric):
        better = "lower"

    rows = np.array([[30.0, 1.0], [0.0, 0.0]])
    assert Distance().absent(rows) is None
    assert MeanMetric().absent(rows).tolist() == [[0, 1], [0, 0]]


def test_where_room_is_short_the_main_metric_and_unlike_ones_are_shown():
    names = [*made_up("product_review", "sft").metrics, "mine"]
    assert [one.name for one in brief(names, "bleu")] == ["bleu", "rougeL", "mine"]
    assert [one.name for one in brief(names, "meteor")] == ["bleu", "rougeL", "meteor", "mine"]
