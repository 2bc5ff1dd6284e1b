"""Rank ranges: against scipy's paired t-test, by simulation, and where they say nothing."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from harness.leaderboard import ranks
from harness.leaderboard.ranks import leave_one_out, rank_ranges


def ranges(scores):
    """Of a table rows × users, one example a user."""
    users = range(scores.shape[1])
    without = np.stack([leave_one_out(list(row), list(users)) for row in scores])
    return rank_ranges(scores.mean(axis=1), without)


def test_leave_one_out_by_hand():
    # users 0: 1, 3; 1: 5 → mean without user 0 is 5, without user 1 is (1 + 3)/2 = 2
    assert leave_one_out([1.0, 3.0, 5.0], [0, 0, 1]) == pytest.approx([5.0, 2.0])


def test_the_comparison_is_scipys_paired_t_test_with_bonferroni():
    """With one example a user the jackknife error is the paired t-test's own."""
    draw = np.random.default_rng(1)
    for _ in range(20):
        scores = draw.normal(0, 5, 40) + draw.normal(0, 3, (6, 40)) + draw.normal(0, 1.5, (6, 1))
        best, worst = ranges(scores)
        for row in range(6):
            others = [other for other in range(6) if other != row]
            tests = {other: ttest_rel(scores[other], scores[row]) for other in others}
            sure = {other: test.pvalue < 0.05 / 5 for other, test in tests.items()}
            above = sum(sure[other] and tests[other].statistic > 0 for other in others)
            below = sum(sure[other] and tests[other].statistic < 0 for other in others)
            assert (best[row], worst[row]) == (1 + above, 6 - below)


def test_clear_gaps_give_single_ranks_and_equal_rows_share_all():
    users = np.random.default_rng(0).normal(0, 1, 30)
    noise = np.random.default_rng(1).normal(0, 0.1, (3, 30))
    best, worst = ranges(np.array([[10.0], [30.0], [20.0]]) + users + noise)
    assert (best.tolist(), worst.tolist()) == ([3, 1, 2], [3, 1, 2])
    same = np.tile(50 + users, (4, 1))
    best, worst = ranges(same)
    assert (best.tolist(), worst.tolist()) == ([1] * 4, [4] * 4)


def test_pairing_matters():
    """What users share does not hide a difference that every user shows."""
    draw = np.random.default_rng(3)
    noise = draw.normal(0, 1, (2, 40))
    alike, apart = draw.normal(0, 20, 40), draw.normal(0, 20, (2, 40))
    apart -= apart.mean(axis=1, keepdims=True)  # the difference stays 3, its error 20·√(2/40)
    level = np.array([[50.0], [53.0]])
    assert ranges(level + alike + noise)[1].tolist() == [2, 1]
    assert ranges(level + apart + noise)[1].tolist() == [2, 2]


def test_the_range_holds_the_true_rank_often_enough():
    """400 simulated boards of 8 rows, 60 users: each row's range holds its true rank in 95 %."""
    draw = np.random.default_rng(7)
    level = np.array([40, 40.5, 41, 41.5, 42, 43, 44, 46.0])
    truth = np.arange(8, 0, -1)
    held = np.zeros(8)
    narrow = 0
    for _ in range(400):
        scores = level[:, None] + draw.gamma(2, 4, 60) + draw.normal(0, 3, (8, 60))
        best, worst = ranges(scores)
        held += (best <= truth) & (truth <= worst)
        narrow += (worst - best < 7).mean()
    assert (held / 400 >= 0.95).all()
    assert narrow / 400 > 0.8  # and yet says something


@pytest.mark.parametrize(("rows", "users"), [(3, 19), (1, 19), (1, 30)])
def test_few_users_or_a_row_alone_have_no_ranks(rows, users):
    best, worst = ranges(np.random.default_rng(0).normal(0, 1, (rows, users)))
    assert np.isnan(best).all()
    assert np.isnan(worst).all()


def test_a_row_far_off_leaves_the_others_their_ranks():
    noise = np.random.default_rng(1).normal(0, 0.1, (4, 30))
    best, worst = ranges(np.array([[10.0], [1e12], [30.0], [20.0]]) + noise)
    assert (best.tolist(), worst.tolist()) == ([4, 1, 2, 3], [4, 1, 2, 3])


def test_parts_of_the_pairs_give_the_same(monkeypatch):
    scores = np.random.default_rng(5).normal(40, 5, (50, 30))
    whole = ranges(scores)
    monkeypatch.setattr(ranks, "CELLS", 150)
    parts = ranges(scores)
    assert np.array_equal(whole, parts)
