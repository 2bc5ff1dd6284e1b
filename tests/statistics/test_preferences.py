"""Win rate and win rate at equal lengths, against statsmodels and planted effects."""

from __future__ import annotations

import numpy as np
import pytest

from harness.statistics import Panel
from harness.statistics.preferences import RIDGE, Regression, preference
from harness.statistics.users import STEP, _gradient


def panel(users):
    return Panel(tuple(map(str, users)), "fingerprint", resamples=200, trials=500)


def test_the_win_rate_counts_a_tie_as_half_and_leaves_out_what_is_unknown():
    found = preference([1, 0.5, 0, None, 1], [1, 2, -1, 0, 3], panel(range(5)))
    assert found.win_rate.value == pytest.approx(100 * 2.5 / 4)
    assert found.test.difference == pytest.approx(25)  # 62.5 − 37.5


def test_the_regression_is_that_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(0)
    longer = np.tanh(rng.normal(size=300))
    wins = (rng.random(300) < 1 / (1 + np.exp(-(0.4 + 1.5 * longer)))).astype(float)
    wins[:20] = 0.5  # ties
    model = statsmodels.GLM(
        wins, statsmodels.add_constant(longer), family=statsmodels.families.Binomial()
    )
    expected = model.fit().params[0]
    weights = np.stack([np.ones(300), np.full(300, 2.0)])
    found = Regression(wins, longer)(weights)
    assert found.shape == (2,)
    np.testing.assert_allclose(np.log(found / (100 - found)), expected, atol=5 * RIDGE / 50)


def test_the_slopes_are_those_of_central_differences():
    rng = np.random.default_rng(4)
    wins, longer = rng.integers(0, 3, 30) / 2, np.tanh(rng.normal(size=30))
    weights = rng.multinomial(30, [1 / 30] * 30, size=(2, 5)).astype(float)
    found = Regression(wins, longer)
    steps = np.full((1, 1, 30), STEP * 30)
    expected = _gradient(lambda sums: found(sums), weights, steps)
    slopes = _gradient(found, weights, steps)
    assert np.array_equal(slopes, found.slopes(weights))  # what many columns need to be quick
    np.testing.assert_allclose(slopes, expected, atol=1e-6)
    assert np.abs(slopes).max() > 0.1


def test_a_judge_that_only_likes_length_leaves_nothing_at_equal_length():
    # the first text is longer in 3 of 4 examples, and the longer one always wins
    rng = np.random.default_rng(1)
    longer = rng.normal(1, 1.5, size=200)
    wins = (rng.random(200) < 1 / (1 + np.exp(-4 * np.tanh(longer / longer.std())))) * 1.0
    found = preference(wins.tolist(), longer.tolist(), panel(range(200)))
    assert found.win_rate.low > 55
    assert found.at_equal_length.low < 50 < found.at_equal_length.high


def test_it_is_the_same_from_either_side():
    rng = np.random.default_rng(2)
    wins, longer = rng.integers(0, 3, 60) / 2, rng.normal(5, 20, 60)
    one = preference(wins.tolist(), longer.tolist(), panel(np.arange(60) // 2))
    other = preference((1 - wins).tolist(), (-longer).tolist(), panel(np.arange(60) // 2))
    assert one.at_equal_length.value == pytest.approx(100 - other.at_equal_length.value)
    assert one.win_rate.value == pytest.approx(100 - other.win_rate.value)
    assert one.win_rate.users == 30


def test_one_side_that_always_wins_stays_finite():
    found = preference([1.0] * 40, list(range(40)), panel(range(40)))
    assert (found.win_rate.value, found.win_rate.reason) == (100, "every user has the same value")
    assert 95 < found.at_equal_length.value < 100
    assert found.at_equal_length.high <= 100


@pytest.mark.parametrize(
    ("wins", "longer", "reason"),
    [
        ([None, None], [1, 2], "no example has a verdict"),
        ([1, 0], [3, 3], "the texts' lengths differ by the same number everywhere"),
    ],
)
def test_nothing_to_fit_has_a_reason(wins, longer, reason):
    found = preference(wins, longer, panel("ab"))
    assert (found.at_equal_length.value, found.at_equal_length.reason) == (None, reason)


@pytest.mark.slow
def test_the_intervals_cover_the_win_rate_at_equal_length():
    """500 experiments of 80 users: the true value is 1/(1 + exp(−0.5)) = 62.2."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(500):
        longer = rng.normal(0.5, 1, 80)
        squashed = np.tanh(longer / longer.std())
        wins = (rng.random(80) < 1 / (1 + np.exp(-(0.5 + squashed)))) * 1.0
        found = preference(wins.tolist(), longer.tolist(), panel(range(80))).at_equal_length
        hits += found.low <= 62.246 <= found.high
    assert 0.92 <= hits / 500 <= 0.98, hits / 500
