"""Intervals over users: coverage, degenerate input, seeds; nothing is ever NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap

from harness.errors import DataError
from harness.metrics.base import OWN, MeanMetric
from harness.metrics.bleu import Bleu
from harness.metrics.scoring import scored
from harness.statistics import (
    MEAN,
    PERCENT_MEAN,
    Panel,
    Statistic,
    interval,
    mean_rows,
    resampling_rng,
)
from harness.statistics.bootstrap import bca, studentized
from harness.statistics.panel import ratio, sums_by_user
from harness.statistics.seeds import THIS_CHECKPOINT, hierarchical
from tests.support.texts import pairs, real_pairs
from tests.support.texts import rows as rows_of_texts

USERS_100 = [f"u{at}" for at in range(100)]


def mean_sums(each, users):
    """Sums (values, examples) [U,2] of the users who have at least one value."""
    return Panel(tuple(users), "print").by_user(mean_rows(each))[0]


def test_the_interval_covers_a_known_difference():
    """Skewed scores of 100 users, two methods; the true difference of their means is 2."""
    rng = np.random.default_rng(6)
    covered = 0
    for experiment in range(1000):
        easy = rng.gamma(1.0, 10.0, 100)  # what a user gives either method
        first, second = easy + rng.exponential(6.0, 100), easy + rng.exponential(4.0, 100)
        draws = np.random.default_rng(experiment)
        found = studentized(mean_sums((first - second).tolist(), USERS_100), draws, 500)
        covered += found.low <= 2 <= found.high
    assert 930 <= covered <= 970


def test_the_interval_misses_a_skewed_mean_as_often_on_either_side():
    """A bootstrap-t read the wrong way round covers about as much, but misses on one side."""
    rng = np.random.default_rng(7)
    below = above = 0
    for experiment in range(600):
        draws = np.random.default_rng(experiment)
        sums = mean_sums(rng.exponential(10.0, 40).tolist(), USERS_100[:40])
        found = studentized(sums, draws, 400)
        below, above = below + (found.high < 10), above + (found.low > 10)
    assert below + above <= 0.08 * 600
    assert below <= 3 * above  # read the wrong way round: 51 below, 2 above
    assert above <= 3 * below


def test_few_users_get_students_t():
    # mean 3, s² = 14/3 of 1 2 3 6: error √(14/12) = 1.0801; t of 3 degrees 3.1824
    found = studentized(mean_sums([1.0, 2.0, 3.0, 6.0], "abcd"), np.random.default_rng(0))
    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx((3 - 3.4374, 3 + 3.4374), abs=1e-3)


def test_bca_equals_scipys():
    values = np.random.default_rng(1).lognormal(size=40)
    ours = bca(mean_sums(values.tolist(), USERS_100[:40]), ratio, np.random.default_rng(2), 40000)
    theirs = scipy_bootstrap(
        (values,), np.mean, n_resamples=40000, method="BCa", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.high, abs=0.02)


def test_examples_of_one_user_do_not_count_twice():
    values = np.random.default_rng(1).exponential(size=30)
    users = USERS_100[:30]
    once = studentized(mean_sums(values.tolist(), users), np.random.default_rng(2))
    doubled = studentized(
        mean_sums(np.repeat(values, 3).tolist(), np.repeat(users, 3)), np.random.default_rng(2)
    )
    assert (once.low, once.high) == pytest.approx((doubled.low, doubled.high))


@pytest.mark.parametrize("method", ["bca", "studentized"])
def test_degenerate_input_has_no_invented_interval(method):
    def interval(each, users):
        draws = np.random.default_rng(0)
        if method == "studentized":
            return studentized(mean_sums(each, users), draws)
        return bca(mean_sums(each, users), ratio, draws)

    equal = interval([7.0] * 6, list("aabbcc"))
    assert (equal.value, equal.low, equal.high, equal.reason) == (7, 7, 7, None)
    alone = interval([1.0, 2.0], ["a", "a"])
    assert (alone.value, alone.low, alone.high) == (1.5, None, None)
    assert alone.reason == "one user: nothing to resample"
    none = interval([None, None], ["a", "b"])
    assert (none.value, none.users, none.reason) == (None, 0, "no example was scored")
    gaps = interval([None, 3.0, 5.0, 5.0], list("abcc"))
    assert gaps.value == pytest.approx(13 / 3)
    assert gaps.users == 2


scores = st.one_of(st.none(), st.floats(0, 100), st.sampled_from([0.0, 100.0, 50.0]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(scores, st.sampled_from("abcdefgh")), max_size=25))
def test_an_interval_holds_its_value_and_is_never_nan(rows):
    each, users = [row[0] for row in rows], [row[1] for row in rows]
    for found in (
        studentized(mean_sums(each, users), np.random.default_rng(0), 200),
        bca(mean_sums(each, users), ratio, np.random.default_rng(0), 200),
    ):
        if found.low is None:
            assert found.reason
        else:
            assert np.isfinite([found.low, found.value, found.high]).all()
            assert found.low <= found.value <= found.high


def test_draws_come_from_the_fingerprint():
    one, again, other = (resampling_rng(text).random(3) for text in ("abc", "abc", "abd"))
    assert (one == again).all()
    assert (one != other).all()


def test_a_value_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match=r"row 1, user b; expected finite numbers"):
        sums_by_user(np.array([[1.0], [np.nan]]), ["a", "b"])
    with pytest.raises(ValueError, match="1 rows for 2 user ids; expected one a row"):
        sums_by_user(np.array([[1.0]]), ["a", "b"])


def test_bleus_interval_is_that_of_the_corpus_value():
    predictions, references = real_pairs()
    panel = Panel(tuple(f"u{at // 2}" for at in range(len(references))), "print", 500)
    found = scored(Bleu(), [pairs(predictions, references)], panel).score
    assert found.low < found.value < found.high
    # the mean of sentence BLEU is another number, with another interval
    assert abs(float(np.mean(found.each)) - found.value) > 0.5
    again = scored(Bleu(), [pairs(predictions, references)], panel).score
    assert (again.low, again.high) == (found.low, found.high)


class Share(MeanMetric):
    """The number that the prediction spells, None for an empty one."""

    name = "share"

    def score(self, pair):
        return float(pair.prediction) if pair.prediction else None


class OwnScale(Share):
    """The same number on no known scale."""

    unit = OWN


class NoSum(Share):
    """A value that is not the mean of its examples, as some metrics of evaluate have."""

    def overall(self, rows, pairs):
        return 55.0


def test_an_interval_is_cut_to_the_scale_except_on_a_metrics_own_scale():
    texts = ["0", "100", "0", "0", "90", "100", "20"]  # mean 310/7 = 44.3, far below is no score
    panel = Panel(tuple("abcdefg"), "print")
    own = [pairs(texts, texts)]
    cut, free = (scored(metric, own, panel).score for metric in (Share(), OwnScale()))
    assert cut.value == free.value == pytest.approx(310 / 7)
    assert cut.low == 0
    assert cut.high == free.high
    assert free.low < 0
    assert scored(Share(), [pairs([""] * 7, texts)], panel).score.missing
    assert scored(NoSum(), own, panel).score.value == 55.0
    assert scored(NoSum(), own, panel).score.low is None


def rows_of(values):
    """Rows (value, 1) [S,N,2] of values [S,N]."""
    return np.stack([values, np.ones_like(values)], axis=-1)


def test_seeds_are_resampled_too():
    panel = Panel(tuple(f"u{at}" for at in range(60)), "print")
    users = np.random.default_rng(0).normal(50, 5, 60)
    seeds = np.stack([users + shift for shift in (-6.0, 0.0, 6.0)])
    together, alone = (interval(MEAN, rows_of(some), panel) for some in (seeds, seeds[1:2]))
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert (together.method, alone.method) == ("hierarchical", "studentized")
    # 3 seeds −6, 0, 6 and users that do not differ: Student's t with 2 degrees of freedom
    flat = rows_of(np.repeat([[-6.0], [0.0], [6.0]], 60, 1))
    only = hierarchical([flat], ratio, np.random.default_rng(1), 200_000)
    assert (only.low, only.high) == pytest.approx((-14.9, 14.9), rel=0.03)  # 4.303 · 6/√3


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_seeds_alone_rarely_give_a_significant_difference(seeds):
    """Two methods without any true difference, 30 users, training seeds that spread as users do."""
    rng = np.random.default_rng(seeds)
    outside = 0
    for experiment in range(1000):
        users = rng.normal(0, 1, 30)
        sides = [rows_of(users + rng.normal(0, 1, (seeds, 1))) for _ in range(2)]
        found = hierarchical(sides, ratio, np.random.default_rng(experiment), 1000)
        outside += not found.low <= 0 <= found.high
    print(f"{seeds} seeds: {outside / 1000:.3f} of the intervals leave 0 out")
    assert 0.01 <= outside / 1000 <= 0.06


def test_a_difference_over_seeds_shares_its_users():
    users = np.random.default_rng(0).normal(50, 20, 60)
    first = rows_of(np.stack([users + 1, users + 1.2, users + 0.8]))
    second = rows_of(np.stack([users, users + 0.1, users - 0.1]))
    found = hierarchical([first, second], ratio, np.random.default_rng(1))
    assert found.value == pytest.approx(1)
    assert 0.3 < found.low < 1 < found.high < 1.7  # users differ by 20, but together
    one = hierarchical([first[:1], second], ratio, np.random.default_rng(1))
    assert one.reason == THIS_CHECKPOINT
    few = hierarchical([first[:, :1], second[:, :1]], ratio, np.random.default_rng(1))
    assert (few.low, few.reason) == (None, "one user: nothing to resample")
    with pytest.raises(ValueError, match="expected same users"):
        hierarchical([first, second[:, :9]], ratio, np.random.default_rng(1))


def test_a_scale_ends_an_interval_and_a_user_without_weight_does_not_count():
    panel = Panel(tuple("abcdefgh"), "print")
    rows = mean_rows([0.0, 100.0, 0.0, 0.0, 90.0, 100.0, 20.0, None])
    cut, free = interval(PERCENT_MEAN, rows, panel), interval(MEAN, rows, panel)
    assert cut.low == 0 > free.low
    assert cut.users == 7
    # only the sum of the rows is asked: a statistic that is no mean goes the way of BCa
    assert interval(Statistic(ratio), rows, panel).method == "bca"
    assert interval(MEAN, rows * 0, panel).reason == "no example has a value"


@pytest.mark.parametrize(("users", "least"), [(100, 0.92), (20, 0.86)])
def test_coverage_of_corpus_bleu(users, least):
    """Users drawn from a large population of users; the true value is the population's BLEU."""

    population = rows_of_texts(Bleu(), *real_pairs())
    true = float(Bleu().value(population.sum(axis=0)))
    rng = np.random.default_rng(4)
    covered = 0
    for experiment in range(1000):
        drawn = population[rng.integers(len(population), size=users)]
        found = bca(drawn, Bleu().value, np.random.default_rng(experiment), 500)
        covered += found.low <= true <= found.high
    print(f"corpus BLEU, {users} users: {covered / 1000:.3f}")
    assert least <= covered / 1000 <= 0.97
