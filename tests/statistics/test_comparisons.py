"""Paired tests, Holm, power: against sacrebleu, statsmodels, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest as SacreBleuTest
from statsmodels.stats.multitest import multipletests

from harness.metrics.bleu import Bleu
from harness.statistics import PERCENT_MEAN, Comparison, Panel, Statistic, compare, judge, mean_rows
from harness.statistics.families import holm
from harness.statistics.panel import ratio
from harness.statistics.randomisation import paired_test, swaps
from tests.support.texts import real_pairs
from tests.support.texts import rows as rows_of_texts

SACREBLEU_SEED = 12345


def mean_sums(each, users):
    """Sums (values, examples) [U,2] of the users who have at least one value."""
    return Panel(tuple(users), "print").by_user(mean_rows(each))[0]


def compare_means(first, second, users):
    return compare(PERCENT_MEAN, mean_rows(first), mean_rows(second), Panel(tuple(users), "print"))


def two_systems(count):
    predictions, references = (texts[:count] for texts in real_pairs())
    other = [text[: len(text) - 60 * (at % 3)] for at, text in enumerate(predictions)]
    return predictions, other, references


@pytest.mark.parametrize(("count", "strict"), [(60, False), (60, True), (5, True)])
def test_paired_bleu_equals_sacrebleus_with_the_same_swaps(count, strict):
    first, second, references = two_systems(count)
    theirs = SacreBleuTest(
        [("base", first), ("system", second)], {"BLEU": BLEU()}, [references], n_samples=2000
    )()[1]["BLEU"]
    rows = rows_of_texts(Bleu(), first, references), rows_of_texts(Bleu(), second, references)
    ours = paired_test(
        *rows,
        Bleu().value,
        swaps(np.random.default_rng(SACREBLEU_SEED), len(rows[0]), 2000),
        strict,
    )
    assert ours.difference == pytest.approx(theirs[0].score - theirs[1].score)
    assert ours.p_value == theirs[1].p_value


def test_a_method_against_itself_shows_nothing():
    rows = mean_sums([1.0, 5.0, 9.0], ["a", "b", "c"])
    assert (
        paired_test(rows, rows, ratio, swaps(np.random.default_rng(0), len(rows), 99)).p_value == 1
    )


def test_every_user_better_by_hand():
    # 3 users, all +1: of 8 swaps only "none" and "all" reach |1|, so p ≈ 1/4
    ones = np.ones((3, 2))
    found = paired_test(
        ones * [2, 1], ones, ratio, swaps(np.random.default_rng(0), len(ones), 4000)
    )
    assert found.difference == 1
    assert found.p_value == pytest.approx(0.25, abs=0.02)


def test_the_randomisation_test_keeps_its_level():
    rng = np.random.default_rng(3)
    users = [f"u{at // 2}" for at in range(60)]  # two examples a user, alike
    rejected = 0
    for _ in range(1000):
        easy = np.repeat(rng.gamma(1.0, 10.0, 30), 2)
        own = [np.repeat(rng.exponential(5.0, 30), 2) for _ in range(2)]
        rows = [mean_sums((easy + one + rng.exponential(1, 60)).tolist(), users) for one in own]
        rejected += paired_test(*rows, ratio, swaps(rng, len(rows[0]), 400)).p_value < 0.05
    assert 30 <= rejected <= 70


def test_other_users_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 2\) and \(3, 2\); expected the same users"):
        paired_test(np.ones((2, 2)), np.ones((3, 2)), ratio, [])
    with pytest.raises(ValueError, match="at least one"):
        paired_test(np.ones((0, 2)), np.ones((0, 2)), ratio, [])


@pytest.mark.parametrize("size", [0, 1, 2, 5, 40])
def test_holm_equals_statsmodels(size):
    rng = np.random.default_rng(size)
    p_values = np.round(rng.random(size) ** 3, 2).tolist()  # rounded: ties
    expected = multipletests(p_values, method="holm")[1].tolist() if size else []
    assert holm(p_values) == pytest.approx(expected)


def test_holm_by_hand():
    # sorted .01 .02 .04: 3·.01 = .03, 2·.02 = .04, 1·.04 = .04
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, 1.1])
def test_holm_refuses_invalid_p_values(wrong):
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        holm([0.5, wrong])


def test_the_smallest_detectable_difference_is_shown_in_80_percent():
    rng = np.random.default_rng(5)
    users = [f"u{at}" for at in range(50)]
    panel = Panel(tuple(users), "print", trials=300)
    first = mean_rows(rng.normal(0, 10, 50).tolist())
    least = compare(PERCENT_MEAN, first, first * [0, 1], panel).smallest_detectable
    # (t at .975 + t at .8) · s/√50, with 49 degrees or a few fewer: 2.86 · 10/√50 = 4.04
    assert least == pytest.approx(2.86 * first[:, 0].std(ddof=1) / np.sqrt(50), rel=0.01)
    shown = 0
    for _ in range(400):
        gain = mean_sums(rng.normal(4.04, 10, 50).tolist(), users)
        shown += paired_test(gain, gain * [0, 1], ratio, swaps(rng, len(gain), 300)).p_value < 0.05
    assert 0.74 <= shown / 400 <= 0.86


def test_a_family_of_660_can_show_a_difference():
    """12 systems on 10 measures: with 10,000 trials Holm's smallest p-value would be 0.066."""
    users = tuple(f"u{at}" for at in range(60))
    rng = np.random.default_rng(0)
    second = rng.normal(50, 10, 60)
    first = second + rng.normal(8, 4, 60)
    rows = mean_rows(first.tolist()), mean_rows(second.tolist())
    alone = compare(PERCENT_MEAN, *rows, Panel(users, "print"))
    family = compare(PERCENT_MEAN, *rows, Panel(users, "print", family=660))
    assert alone.p_value == pytest.approx(1 / 10_001)
    assert family.p_value == pytest.approx(1 / 132_001)
    nothing = [compare(PERCENT_MEAN, rows[0], rows[0], Panel(users, "print", trials=10))] * 659
    assert judge([alone, *nothing])[0].verdict == "not shown"
    assert judge([family, *nothing])[0].verdict == "higher"
    # t at 1 − .05/1320 instead of .975: about 4.3 + .85 errors instead of 2.0 + .85
    more = family.smallest_detectable / alone.smallest_detectable
    assert more == pytest.approx((4.28 + 0.85) / (2.0 + 0.85), rel=0.03)


def test_a_p_value_that_gives_no_verdict_is_not_computed_again():
    users = tuple(f"u{at}" for at in range(30))
    rng = np.random.default_rng(0)
    rows = [mean_rows(rng.normal(0, 1, 30).tolist()) for _ in range(2)]
    found = [
        compare(PERCENT_MEAN, *rows, Panel(users, "print", trials=500, family=family))
        for family in (1, 10**9)
    ]
    assert found[0].p_value == found[1].p_value > 0.05


def test_a_comparison_of_means():
    rng = np.random.default_rng(0)
    users = [f"u{at}" for at in range(40)]
    second = rng.gamma(1.0, 10.0, 40).tolist()
    first = [value + 3 + noise for value, noise in zip(second, rng.normal(0, 1, 40), strict=True)]
    found = compare_means([None, *first], [1.0, *second], ["x", *users])
    assert found.users == 40  # the example that one lacks is left out
    assert found.low < found.difference < found.high
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))
    assert found.p_value == pytest.approx(1 / 10001)
    same = compare_means(second, second, users)
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    worse = compare_means(second, first, users)
    judged = judge([found, same, worse])
    assert [one.verdict for one in judged] == ["higher", "not shown", "lower"]
    assert judged[0].p_holm == pytest.approx(3 / 10001)


def test_below_20_users_there_is_an_interval_and_no_verdict():
    users = [f"u{at}" for at in range(19)]
    first, second = [float(at) for at in range(19)], [0.0] * 19
    found = compare_means(first, second, users)
    assert found.low > 0
    assert (found.p_value, found.reason) == (None, "19 users: a verdict needs 20")
    assert judge([found])[0].verdict is None


def test_no_common_example_is_reported():
    found = compare_means([None], [1.0], ["a"])
    assert (found.difference, found.reason) == (None, "no example has both values")
    one = compare_means([2.0], [1.0], ["a"])
    assert (one.difference, one.reason) == (None, "fewer than two users have both values")


def test_a_verdict_needs_an_interval_without_0_too():
    shown = Comparison(2.0, 1.0, 3.0, 0.001, 1.0, 40)
    over_0 = Comparison(2.0, -1.0, 5.0, 0.001, 1.0, 40)  # several seeds: users agree, seeds do not
    judged = judge([shown, over_0])
    assert [one.verdict for one in judged] == ["higher", "not shown"]
    assert judged[1].reason == "the interval holds 0"
    turned = judged[0].turned()
    assert (turned.difference, turned.low, turned.high, turned.verdict) == (-2, -3, -1, "lower")


def test_a_comparison_of_corpus_bleu():
    first, second, references = two_systems(60)
    rows = rows_of_texts(Bleu(), first, references), rows_of_texts(Bleu(), second, references)
    panel = Panel(tuple(f"u{at // 2}" for at in range(60)), "print", 500, 500)
    found = compare(Statistic(Bleu().value), *rows, panel)
    texts = [[BLEU().corpus_score(some, [references]).score] for some in (first, second)]
    assert found.difference == pytest.approx(texts[0][0] - texts[1][0])
    assert found.low < found.difference < found.high
    assert found.users == 30
    assert found.smallest_detectable > 0
