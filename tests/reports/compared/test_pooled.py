"""Several training seeds in one number: resampled if examples have values, else spanned."""

import dataclasses

import numpy as np
import pytest

from harness.record import Estimate, ExampleValues, SliceNll
from harness.reports.compared.parts import (
    continuation_at,
    continuation_slope,
    nll_at,
    nll_slope,
    quality_of,
    relative_nll,
)
from harness.reports.compared.pooled import Pooled, interval_words, over_seeds, spanned
from harness.reports.compared.verdicts import Compared, compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.reports.sections.authors_table import authors_part
from harness.reports.sections.lift_by_profile import lift_part
from harness.reports.sections.positions import drift_part, views_of
from harness.reports.sections.thoughts import thoughts_part
from harness.statistics import MEAN, interval
from tests.support.synthetic import column, write_runs

TASK = ["product_review"]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Two methods with every view, three seeds each, 40 users of one text."""
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, ["sft", "flythinker"], TASK, (0, 1, 2), full=True, following=True)
    (found,), _ = load_boards([out])
    return checked(found, allow_different=False)


def system(board, name):
    return next(one for one in board.systems if one.name == name)


def view(board, name):
    return next(one for one in views_of(board, "following") if one.name == name)


def test_a_point_of_a_curve_resamples_seeds_and_users_together(board):
    sft = system(board, "sft")
    point = view(board, "forced_rougeL").curves(board)["sft"][2]
    values = np.array(
        [[record.examples[key].forced["rougeL"][2] for key in board.ids]
         for record in sft.records]
    )  # fmt: skip
    sums = np.stack([values, np.ones_like(values)], axis=-1)  # [seeds, users, (value, 1)]
    expected = interval(MEAN, sums, board.panel)
    assert point.value == pytest.approx(values.mean())
    assert (point.low, point.high) == pytest.approx((expected.low, expected.high))
    assert point.seeds == "crossed"
    estimates = [record.forced.metrics["rougeL"].slices[2].low for record in sft.records]
    assert point.low != pytest.approx(min(estimates), abs=0.01)  # not the span of the records' own


@pytest.mark.parametrize(
    ("rows", "record_says"),
    [
        (nll_at(1), lambda record: record.likelihood.slices[1].value),
        (nll_at(3, relative_nll), lambda record: record.likelihood.relative.slices[3].value),
        (nll_slope(relative_nll), lambda record: record.likelihood.relative.drift.value),
        (
            continuation_at("following", 0),
            lambda record: record.forced.metrics["following"].slices[0].value,
        ),
        (
            continuation_slope("rougeL", (0, 100, 200, 300)),
            lambda record: record.forced.metrics["rougeL"].drift.value,
        ),
    ],
)
def test_the_examples_give_what_the_records_say(board, rows, record_says):
    fly = system(board, "flythinker")
    estimates = [record_says(record) for record in fly.records]
    found = over_seeds(board, fly, [Estimate(value=one) for one in estimates], rows)
    assert found.seeds == "crossed"
    assert found.value == pytest.approx(np.mean(estimates))
    assert found.low < found.value < found.high


def test_continuations_drift_over_their_middles_by_hand():
    # 230 tokens, slices from 0, 100, 200: windows of 100, 100 and 30 tokens
    nll = SliceNll(nll=(1.0, 1.0, 1.0), slice_tokens=(100, 100, 30), model_tokens=(1, 1, 1),
                   positions=(49.5, 149.5, 214.5))  # fmt: skip
    values = ExampleValues(forced={"m": (3.0, 2.0, 1.0)}, likelihood=nll)
    row = continuation_slope("m", (0, 100, 200)).row
    assert row(values) == [3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 49.5, 149.5, 214.5]
    assert row(dataclasses.replace(values, forced={"m": (3.0, 2.0, None)})) is None
    assert (
        row(dataclasses.replace(values, likelihood=None)) is None
    )  # NLL is not in the record: no lengths


def test_without_values_by_example_the_span_is_shown_and_named(board):
    fly = system(board, "flythinker")
    first, fly = (dataclasses.replace(fly, runs=fly.runs[:count]) for count in (1, 2))
    seeds = [Estimate(value=1.0, low=0.5, high=1.5), Estimate(value=2.0, low=1.8, high=2.2)]
    found = spanned(fly, seeds)
    assert (found.value, found.low, found.high) == (1.5, 0.5, 2.2)
    assert interval_words([found]) == (
        "users, from the lowest to the highest end of the seeds' intervals (these records hold no"
        " values by example)"
    )
    crossed = Pooled(value=1.0, seeds="crossed")
    assert interval_words([crossed]) == "users and training seeds"
    assert interval_words([crossed, found]).startswith("users and training seeds, or users, from")
    single = Pooled(value=1.0)
    assert interval_words([single, crossed]) == "users, or users and training seeds"
    assert interval_words([spanned(first, seeds[:1])]) == "users"
    assert spanned(fly, [Estimate(value=None)] * 2).value is None


def test_a_seed_without_a_value_leaves_no_mean_and_is_named(board):
    fly = system(board, "flythinker")
    one, two, none = (
        Estimate(value=1.0, low=0.5, high=1.5),
        Estimate(value=2.0, low=1.8, high=2.2),
        Estimate(value=None, missing="it failed"),
    )
    found = over_seeds(board, fly, [one, none, two], None)
    assert (found.value, found.low, found.high) == (None, None, None)
    said = "no mean where a seed has no value (seed 1 of flythinker)"
    assert interval_words([found]) == f"users; {said}"
    assert interval_words([found, Pooled(value=1.0, seeds="crossed"), found]) == (
        f"users and training seeds; {said}"
    )
    # a measure that no seed has needs no note
    assert interval_words([over_seeds(board, fly, [none] * 3, None)]) == "users"
    # a span of the other seeds' intervals would be too narrow
    found = over_seeds(board, fly, [one, Estimate(value=3.0), two], None)
    assert (found.value, found.low, found.high) == (2.0, None, None)


def test_a_slope_that_a_seed_lacks_is_noted(board):
    fly = system(board, "flythinker")
    runs = []
    for run in fly.runs:
        found = run.record.likelihood
        if run.record.seed == 1:
            none = dataclasses.replace(found.drift, value=None)
            relative = dataclasses.replace(found.relative, drift=none)
            found = dataclasses.replace(found, drift=none, relative=relative)
        record = dataclasses.replace(run.record, likelihood=found, forced=None)
        runs.append(dataclasses.replace(run, record=record))
    alone = dataclasses.replace(fly, runs=tuple(runs))
    part = drift_part(Compared(dataclasses.replace(board, systems=(alone,)), {}, "bleu"))
    slopes = part.tables[0]
    assert slopes.shown()[0][1].text == "–"
    assert slopes.notes[-1].endswith("; no mean where a seed has no value (seed 1 of flythinker).")


def test_a_number_that_the_view_of_a_seed_lacks_is_null(board):
    fly = system(board, "flythinker")
    runs = []
    for run in fly.runs:
        found = run.record.authors
        if run.record.seed == 1:
            found = dataclasses.replace(found, function_words=None)
        record = dataclasses.replace(run.record, authors=found)
        runs.append(dataclasses.replace(run, record=record))
    (complete,), (table,) = (
        authors_part(Compared(dataclasses.replace(board, systems=(one,)), {}, "bleu")).tables
        for one in (fly, dataclasses.replace(fly, runs=tuple(runs)))
    )
    heads = [one.title for one in table.columns]
    shown, before = (dict(zip(heads, each.shown()[0], strict=True)) for each in (table, complete))
    assert {head for head, field in shown.items() if field != before[head]} == {"function words"}
    assert str(shown["function words"]) == "–"
    assert "seeds; no mean where a seed has no value (seed 1 of flythinker)." in table.notes[0]


def test_values_that_do_not_reproduce_the_records_number_are_not_used(board):
    fly = system(board, "flythinker")
    estimates = [Estimate(value=1.0, low=0.0, high=2.0)] * 2  # the examples' mean is about 30
    assert over_seeds(board, fly, estimates, continuation_at("rougeL", 0)).seeds == "spanned"
    assert over_seeds(board, fly, estimates, continuation_at("bleu", 0)).seeds == "spanned"
    one = dataclasses.replace(fly, runs=fly.runs[:1])
    assert over_seeds(board, one, estimates[:1], continuation_at("rougeL", 0)).seeds is None


def test_captions_and_notes_say_how_seeds_were_pooled(board):
    (compared,) = compare_boards([board])
    section = drift_part(compared)
    captions = {one.name: one.drawing.get_supxlabel().replace("\n", " ")
                for one in section.pictures}  # fmt: skip
    assert "over users and training seeds;" in captions["drift_forced_rougeL_product_review"]
    assert (
        "these records hold no values by example" in captions["drift_free_following_product_review"]
    )
    section = lift_part(compared)
    assert section.tables[0].notes[0].endswith("over users and training seeds.")
    (picture,) = section.pictures
    assert "over users and training seeds;" in picture.drawing.get_supxlabel().replace("\n", " ")
    (authors,) = authors_part(compared).tables
    assert authors.notes == ("Among 7 others. Intervals: 95 % over users and training seeds.",)


def test_a_view_shows_only_the_seeds_that_have_it(tmp_path):
    """As in published runs: all views in seed 0, scores in seed 1, one method without views."""
    write_runs(tmp_path, ["sft", "flythinker"], TASK, (0,), full=True)
    write_runs(tmp_path, ["sft", "flythinker"], TASK, (1,))
    write_runs(tmp_path, ["rag"], TASK, (0,))
    (found,), _ = load_boards([tmp_path])
    few = checked(found, allow_different=False)
    (compared,) = compare_boards([few], "rougeL")
    section = drift_part(compared)
    captions = {one.name: one.drawing.get_supxlabel().replace("\n", " ")
                for one in section.pictures}  # fmt: skip
    left_out = "evaluated for seed 0 only: sft, flythinker; not evaluated: rag"
    assert captions["drift_forced_rougeL_product_review"].endswith(left_out)
    assert "only" not in captions["drift_likelihood_product_review"]
    slopes = section.tables[0]
    assert f"continuation: {left_out}." in slopes.notes
    continuation = column(slopes, "continuation: ROUGE-L, points per 100 tokens")
    assert [text == "–" for text in continuation] == [True, False, False]
    lift, texts, _ = lift_part(compared).tables
    assert column(lift, "method") == ["sft", "flythinker"]
    assert lift.notes[0].endswith(f"over users; {left_out}.")
    assert texts.notes[0].endswith(f"over users; {left_out}.")
    (authors,) = authors_part(compared).tables
    assert authors.notes[0].endswith(f"over users; {left_out}.")
    (thoughts,) = thoughts_part(compared).tables
    assert thoughts.notes[1] == (
        "Of the training seeds 0 and 1, only 0 was evaluated: the numbers describe that checkpoint."
    )


def with_values(system, change):
    """The system with changed values of each example; `change` has the example's place too."""
    runs = []
    for run in system.runs:
        examples = {
            key: dataclasses.replace(values, **change(at, values))
            for at, (key, values) in enumerate(run.record.examples.items())
        }
        record = dataclasses.replace(run.record, examples=examples)
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(system, runs=tuple(runs))


@pytest.mark.parametrize(
    ("name", "shift"), [("evaluate:perplexity", 200.0), ("style:encoder", -90.0), ("gone", -90.0)]
)
def test_a_metric_on_a_scale_of_its_own_is_not_clipped_to_100(board, name, shift):
    fly = with_values(
        system(board, "flythinker"),
        lambda _, values: {"forced": {name: (values.forced["rougeL"][0] + shift,)}},
    )
    means = [np.mean([one.forced[name] for one in record.examples.values()])
             for record in fly.records]  # fmt: skip
    found = over_seeds(board, fly, [Estimate(value=one) for one in means], continuation_at(name, 0))
    assert found.seeds == "crossed"
    assert found.low < found.value < found.high


def test_a_share_of_a_text_has_no_interval_below_0(board):
    # 30 users without copies, and few that differ much: Student's t would reach below 0
    fly = with_values(
        system(board, "flythinker"),
        lambda at, _: {"quality": {"copied_8grams": 18.0 if at == 39 else max(0, at - 29) / 10}},
    )
    estimates = [Estimate(value=(18.0 + 4.5) / 40)] * 3
    found = over_seeds(board, fly, estimates, quality_of("copied_8grams"))
    assert found.low == 0
    assert found.value == pytest.approx(22.5 / 40)
