"""The decision rule, on gaps and on simulated panels whose truth is known."""

import pytest

from benchmarks.certificate_rates import WORLDS, rates
from harness.reports.certificate.rule import Gap, carries, explains

MARGIN = 2.0
UP, DOWN, NONE, WIDE = (
    Gap("x", value, low, high)
    for value, low, high in [(5, 3, 7), (-5, -7, -3), (0, -1, 1), (1, -4, 6)]
)
FEW = Gap("x", 5, 3, 7, why="fewer than 3 training seeds")
SMALL = Gap("x", 1, 0.5, 1.5)


@pytest.mark.parametrize(
    ("gap", "answer"),
    [(UP, "YES"), (DOWN, "NO"), (NONE, "NO"), (WIDE, "CANNOT TELL"), (FEW, "CANNOT TELL"),
     (SMALL, "YES"), (Gap("x", why="not run"), "CANNOT TELL")],
)  # fmt: skip
def test_do_thoughts_carry_the_user(gap, answer):
    assert carries(gap, MARGIN) == answer


def test_without_a_margin_only_a_gap_at_or_below_0_is_none():
    assert [carries(gap, 0.0) for gap in (NONE, DOWN, Gap("x", 0, 0, 0))] == [
        "CANNOT TELL", "NO", "NO"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "flops", "parameters", "answer"),
    [
        (NONE, UP, UP, "NOTHING TO EXPLAIN"),
        (DOWN, UP, UP, "NOTHING TO EXPLAIN"),
        (SMALL, UP, UP, "NOTHING TO EXPLAIN"),
        (WIDE, UP, UP, "CANNOT TELL"),
        (FEW, UP, UP, "CANNOT TELL"),
        (UP, UP, UP, "MORE THAN COMPUTE"),
        (UP, NONE, UP, "COMPUTE"),
        (UP, UP, DOWN, "COMPUTE"),
        (UP, WIDE, NONE, "COMPUTE"),
        (UP, WIDE, UP, "CANNOT TELL"),
        (UP, FEW, UP, "CANNOT TELL"),
        (UP, UP, Gap("x", why="not run"), "CANNOT TELL"),
    ],
)
def test_what_explains_the_gain(gain, flops, parameters, answer):
    assert explains(gain, [flops, parameters], MARGIN) == answer


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_with_a_sufficient_sample_the_rule_is_right(world):
    assert rates(world, users=300, seeds=100, experiments=100).right >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seeds", [3, 10])
def test_with_few_seeds_it_is_seldom_wrong(world, seeds):
    assert rates(world, users=100, seeds=seeds, experiments=200).wrong <= 0.08
