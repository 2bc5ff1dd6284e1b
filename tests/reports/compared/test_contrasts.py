"""Significance letters, families and intervals: what a verdict in a report rests on."""

import dataclasses

import numpy as np
import pytest

from harness.errors import UsageError
from harness.reports.compared.contrasts import Contrasts, contrast_all, judge_family
from harness.reports.compared.measures import DRIFT, NLL, main_measure, measures_of
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from harness.statistics import (
    PERCENT_MEAN,
    Comparison,
    Interval,
    at_equal_length,
    compare,
    mean_rows,
)
from harness.statistics.letters import letter, letters
from tests.support.synthetic import write_runs


def pair(one: str, other: str) -> frozenset[str]:
    return frozenset((one, other))


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ([], {"p": "a", "q": "a", "r": "a"}),
        ([pair("p", "q"), pair("p", "r"), pair("q", "r")], {"p": "a", "q": "b", "r": "c"}),
        ([pair("p", "r")], {"p": "a", "q": "ab", "r": "b"}),  # q bridges the two
        ([pair("p", "q"), pair("p", "r")], {"p": "a", "q": "b", "r": "b"}),
        ([pair("p", "q")], {"p": "a", "q": "b", "r": "ab"}),  # the worst need not differ
    ],
)
def test_letters_by_hand(different, expected):
    assert letters(["p", "q", "r"], different) == expected


def test_two_share_a_letter_exactly_if_they_do_not_differ_significantly():
    names = [f"m{at}" for at in range(7)]
    draw = np.random.default_rng(4)
    for _ in range(200):
        different = {
            pair(a, b) for at, a in enumerate(names) for b in names[at + 1 :] if draw.random() < 0.4
        }
        found = {name: set(shared) for name, shared in letters(names, different).items()}
        assert all(found.values())
        for at, a in enumerate(names):
            for b in names[at + 1 :]:
                assert bool(found[a] & found[b]) == (pair(a, b) not in different)


def test_after_z_letters_are_numbered():
    assert [letter(at) for at in (0, 25, 26, 52)] == ["a", "z", "a1", "a2"]


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    write_runs(out, ["sft", "cot", "flythinker"], ["product_review"], examples=40)
    (found,), left_out = load_boards([out])
    assert left_out == []
    return checked(found, allow_different=False)


def measure(board, name):
    return next(one for one in measures_of(board) if one.name == name)


def test_a_pair_is_the_comparison_of_the_rows_in_the_records(board):
    found = contrast_all(measure(board, "rouge1"), board)
    rows = {
        system.name: [system.record.examples[key].scores["rouge1"] for key in board.ids]
        for system in board.systems
    }
    expected = compare(
        PERCENT_MEAN, mean_rows(rows["sft"]), mean_rows(rows["flythinker"]), board.panel
    )
    pair = found.pairs["sft", "flythinker"]
    assert dataclasses.replace(pair, at_equal_length=None) == pytest.approx(expected)


def test_bleu_is_compared_on_the_counts_of_the_record(board):
    bleu = measure(board, "bleu")
    found = contrast_all(bleu, board)
    rows = [
        np.array([system.record.examples[key].rows["bleu"][0] for key in board.ids], float)
        for system in board.systems
    ]
    expected = compare(bleu.statistic, rows[0], rows[1], board.panel)
    pair = found.pairs["sft", "cot"]
    own = dataclasses.replace(pair, at_equal_length=None)
    assert dataclasses.astuple(own) == pytest.approx(dataclasses.astuple(expected))
    texts = [
        np.array([[(values.scores["bleu"], values.rows["bleu"][0][0])
                   for key in board.ids for values in [system.record.examples[key]]]])
        for system in board.systems[:2]
    ]  # fmt: skip
    assert pair.at_equal_length == at_equal_length(*texts, board.panel)
    score = board.systems[0].record.metrics["bleu"]
    assert found.values["sft"].value == pytest.approx(score.value)


def test_nll_is_a_ratio_of_sums_and_its_drift_a_slope(board):
    record = board.systems[0].record
    rows = [record.examples[key] for key in board.ids]
    nll = np.array([row.likelihood.nll for row in rows]).sum(0)
    tokens = np.array([row.likelihood.slice_tokens for row in rows]).sum(0)
    assert contrast_all(NLL, board).values["sft"].value == pytest.approx(nll.sum() / tokens.sum())
    # numpy's own least squares through the four slices' means, per 100 tokens
    slope = np.polyfit([49.5, 149.5, 249.5, 339.5], nll / tokens, 1)[0]
    assert contrast_all(DRIFT, board).values["sft"].value == pytest.approx(100 * slope)


def test_seeds_widen_an_interval_and_differences_are_means_over_seeds(tmp_path):
    write_runs(tmp_path, ["sft", "flythinker"], ["product_review"], seeds=(0, 1, 2))
    (many,), _ = load_boards([tmp_path])
    found = contrast_all(measure(many, "rouge1"), many)
    means = {
        system.name: np.mean([record.metrics["rouge1"].value for record in system.records])
        for system in many.systems
    }
    difference = found.pairs["sft", "flythinker"]
    assert difference.difference == pytest.approx(means["sft"] - means["flythinker"])
    assert found.values["sft"].about == "methods"
    one = dataclasses.replace(
        many, systems=tuple(dataclasses.replace(s, runs=s.runs[:1]) for s in many.systems)
    )
    assert contrast_all(measure(one, "rouge1"), one).values["sft"].about == "checkpoints"


def contrasts_of(p_value: float, low: float, high: float) -> Contrasts:
    middle = (low + high) / 2
    compared = Comparison(middle, low, high, p_value, 1.0, 40)
    values = {name: Interval(value, None, None, 40) for name, value in
              (("p", middle), ("q", 0.0))}  # fmt: skip
    return Contrasts(
        "task", dataclasses.replace(NLL, better="higher"), values, {("p", "q"): compared}
    )


@pytest.mark.parametrize(
    ("p_value", "low", "high", "verdict", "shared"),
    [
        (0.001, 1.0, 3.0, "higher", {"p": "a", "q": "b"}),
        (0.04, 1.0, 3.0, "not shown", {"p": "a", "q": "a"}),  # two in the family: 0.08
        (0.001, -0.5, 3.0, "not shown", {"p": "a", "q": "a"}),  # users say yes, seeds do not
        (0.001, -3.0, -1.0, "lower", {"q": "a", "p": "b"}),
    ],
)
def test_a_verdict_needs_the_family_and_the_interval(p_value, low, high, verdict, shared):
    family = judge_family([contrasts_of(p_value, low, high), contrasts_of(0.9, -1.0, 1.0)])
    assert family[0].pairs["p", "q"].verdict == verdict
    assert family[0].letters == shared


def test_swapping_a_pair_swaps_its_signs_and_its_verdict():
    found = judge_family([contrasts_of(0.001, 1.0, 3.0)])[0].between("q", "p")
    assert (found.difference, found.low, found.high, found.verdict) == (-2.0, -3.0, -1.0, "lower")


def test_below_twenty_users_there_are_no_letters(tmp_path):
    write_runs(tmp_path, ["sft", "cot"], ["product_review"], examples=19)
    (few,), _ = load_boards([tmp_path])
    found = judge_family([contrast_all(measure(few, "rouge1"), few)])[0]
    assert found.letters is None
    assert found.pairs["sft", "cot"].reason == "19 users: a verdict needs 20"


def test_the_main_measure_is_following_then_bleu_or_the_users_choice(board, tmp_path):
    assert main_measure(measures_of(board)).name == "bleu"
    write_runs(tmp_path, ["sft"], ["product_review"], following=True)
    (mini,), _ = load_boards([tmp_path])
    assert main_measure(measures_of(mini)).name == "following"
    assert main_measure(measures_of(mini), "nll").name == "nll"
    with pytest.raises(UsageError, match=r"--metric 'blue' is not in every run. Known: following"):
        main_measure(measures_of(mini), "blue")
    with pytest.raises(UsageError, match="these runs share no measure"):
        main_measure([])
