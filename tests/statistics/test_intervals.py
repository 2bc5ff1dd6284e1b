"""Intervals over users: coverage, degenerate input, seeds; nothing is ever NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.metrics.base import OWN, MeanMetric
from harness.metrics.bleu import Bleu
from harness.metrics.scoring import scored
from harness.statistics import (
    MEAN,
    PERCENT_MEAN,
    RATIO,
    Panel,
    interval,
    mean_rows,
    resampling_rng,
)
from harness.statistics.panel import sums_by_user
from tests.support.texts import pairs, real_pairs

USERS_100 = [f"u{at}" for at in range(100)]


def means(each, users, **panel):
    """The interval of the mean over examples."""
    return interval(MEAN, mean_rows(each), Panel(tuple(users), "print", **panel))


def test_the_interval_misses_a_skewed_mean_as_often_on_either_side():
    """A bootstrap-t read the wrong way round covers about as much, but misses on one side."""
    rng = np.random.default_rng(7)
    below = above = 0
    for experiment in range(600):
        panel = Panel(tuple(USERS_100[:40]), f"print {experiment % 8}", 400)
        found = interval(MEAN, mean_rows(rng.exponential(10.0, 40).tolist()), panel)
        below, above = below + (found.high < 10), above + (found.low > 10)
    assert below + above <= 0.08 * 600
    assert below <= 3 * above  # read the wrong way round: 51 below, 2 above
    assert above <= 3 * below


def test_few_users_get_students_t():
    # mean 3, s² = 14/3 of 1 2 3 6: error √(14/12) = 1.0801; t of 3 degrees 3.1824
    found = means([1.0, 2.0, 3.0, 6.0], "abcd")
    assert (found.low, found.high) == pytest.approx((3 - 3.4374, 3 + 3.4374), abs=1e-3)


def test_examples_of_one_user_do_not_count_twice():
    values = np.random.default_rng(1).exponential(size=30)
    users = USERS_100[:30]
    once = means(values.tolist(), users)
    doubled = means(np.repeat(values, 3).tolist(), np.repeat(users, 3))
    assert (once.low, once.high) == pytest.approx((doubled.low, doubled.high))


@pytest.mark.parametrize("statistic", [MEAN, RATIO])
def test_degenerate_input_has_no_invented_interval(statistic):
    def found_for(each, users):
        return interval(statistic, mean_rows(each), Panel(tuple(users), "print"))

    equal = found_for([7.0] * 6, list("aabbcc"))
    assert (equal.value, equal.low, equal.high) == (7, 7, 7)
    assert equal.reason == "every user has the same value"
    alone = found_for([1.0, 2.0], ["a", "a"])
    assert (alone.value, alone.low, alone.high) == (1.5, None, None)
    assert alone.reason == "one user: nothing to resample"
    none = found_for([None, None], ["a", "b"])
    assert (none.value, none.users, none.reason) == (None, 0, "no example has a value")
    gaps = found_for([None, 3.0, 5.0, 5.0], list("abcc"))
    assert gaps.value == pytest.approx(13 / 3)
    assert gaps.users == 2


def test_where_few_users_differ_there_is_no_interval():
    """Of 100 users, `count` have another value than the rest."""

    def found_for(count):
        return means([0.0] * (100 - count) + [float(at) for at in range(1, count + 1)], USERS_100)

    few = found_for(5)
    assert (few.value, few.low, few.high) == (0.15, None, None)
    assert few.reason == "5 of 100 users differ from the rest: too few for an interval"
    assert found_for(6).low is not None
    enough = found_for(10)
    assert enough.low < enough.value < enough.high
    # Σz² and Σz⁴ of 90 times −.55 and 1 … 10 minus .55: 354.75 and 20,400.6; 3·354.75²/20,400.6 − 1
    # = 17.5 degrees: t 2.105; error √(354.75/99/100) = .1893
    assert enough.high == pytest.approx(0.55 + 2.105 * 0.1893, abs=2e-3)


scores = st.one_of(st.none(), st.floats(0, 100), st.sampled_from([0.0, 100.0, 50.0]))


@settings(max_examples=150)
@given(st.lists(st.tuples(scores, st.sampled_from("abcdefghijklmnop")), max_size=40))
def test_an_interval_holds_its_value_and_is_never_nan(rows):
    found = means([row[0] for row in rows], [row[1] for row in rows], resamples=200)
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


def test_a_scale_ends_an_interval_and_a_user_without_weight_does_not_count():
    panel = Panel(tuple("abcdefgh"), "print")
    rows = mean_rows([0.0, 100.0, 0.0, 0.0, 90.0, 100.0, 20.0, None])
    cut, free = interval(PERCENT_MEAN, rows, panel), interval(MEAN, rows, panel)
    assert cut.low == 0 > free.low
    assert cut.users == 7
    assert interval(MEAN, rows * 0, panel).reason == "no example has a value"


def test_a_user_without_a_value_in_one_seed_counts_in_the_others():
    """As in the seeds' own records: the value is the mean of theirs."""
    draw = np.random.default_rng(3)
    values = draw.normal(50, 10, (3, 30))
    values[:, 0] += 400
    rows = np.stack([values, np.ones_like(values)], axis=-1)
    rows[1, 0] = 0
    panel = Panel(tuple(USERS_100[:30]), "print", 400)
    found = interval(MEAN, rows, panel)
    own = [values[0].mean(), values[1, 1:].mean(), values[2].mean()]
    assert found.value == pytest.approx(np.mean(own))
    assert found.users == 29  # of the seed with fewest
    rows[..., 0] += 1000 * rows[..., 1]
    moved = interval(MEAN, rows, panel)
    assert (moved.low, moved.high) == pytest.approx((found.low + 1000, found.high + 1000))
    rows[1] = 0
    none = interval(MEAN, rows, panel)
    assert (none.value, none.users, none.reason) == (None, 0, "no example has a value")


@pytest.mark.parametrize("known", [1, 3, 9])
def test_a_seed_with_few_users_leaves_those_of_every_seed(known):
    values = np.random.default_rng(3).normal(50, 10, (3, 30))
    rows = np.stack([values, np.ones_like(values)], axis=-1)
    rows[1, known:] = 0
    panel = Panel(tuple(USERS_100[:30]), "print", 400)
    found, alone = (
        interval(MEAN, rows, panel),
        interval(MEAN, rows[:, :known], panel.only(range(known))),
    )
    assert found == alone


def test_users_who_lack_a_seed_do_not_differ_from_those_with_the_same_value():
    rows = np.stack([np.full((3, 30), 100.0), np.ones((3, 30))], axis=-1)
    rows[1, :4] = 0
    found = interval(MEAN, rows, Panel(tuple(USERS_100[:30]), "print", 400))
    assert (found.value, found.reason) == (100, "every user has the same value")
