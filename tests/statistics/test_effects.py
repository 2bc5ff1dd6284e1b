"""The crossed estimate over users and training seeds, by hand and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from harness.statistics import MEAN, Panel, compare, interval
from harness.statistics.effects import Effect, SeedsError, Side, effect
from harness.statistics.panel import ratio
from harness.statistics.users import UsersError, pseudo_values

USERS_60 = tuple(f"u{at}" for at in range(60))


def rows_of(values):
    """Rows (value, 1) [S,N,2] of values [S,N]."""
    values = np.asarray(values, dtype=np.float64)
    return np.stack([values, np.ones_like(values)], axis=-1)


def effect_of(*sides, trained=True):
    users = len(sides[0][0])
    draws = Panel(tuple(map(str, range(users))), "print", 400).draws(users)
    return effect(ratio, [Side(rows_of(side), trained) for side in sides], draws)


def test_pseudo_values_of_a_mean_are_the_values():
    scores = [[1.0, 2.0, 6.0], [0.0, 4.0, 5.0]]
    assert pseudo_values(ratio, rows_of(scores)) == pytest.approx(np.array(scores))


def test_what_users_and_seeds_share_is_subtracted_once():
    # seeds' means 1, 1, 4: variance 3. Rest: −1 1 | 1 −1 | 0 0, 4 over 2·1 degrees = 2.
    # 3/3 − 2/(3·2) = 2/3, with √(2/3) of 2 degrees. Users' means 2, 2: no variance.
    found = effect_of([[0, 2], [2, 0], [4, 4]])
    assert found.value == 2
    assert found.seeds == SeedsError(pytest.approx(2 / 3), pytest.approx(2 * (2 / 3) ** 0.5))
    assert found.users.variance == 0
    # where seeds differ by no more than the rest explains, their part is 0
    assert effect_of([[0, 2], [2, 0], [1, 1]]).seeds == SeedsError(0.0, 2)


def test_seeds_alone_give_students_t():
    # −6, 0, 6: variance 36, error √(36/3) = 3.464; t of 2 degrees 4.3027
    panel = Panel(USERS_60, "print")
    found = interval(MEAN, rows_of(np.repeat([[-6.0], [0.0], [6.0]], 60, 1)), panel)
    assert (found.low, found.high) == pytest.approx((-14.905, 14.905), abs=1e-3)
    assert (found.about, found.reason) == ("methods", None)


def test_both_errors_are_weighted_by_their_variances():
    # variances 1 (99 degrees, t 1.9842) and 3 (2 degrees, t 4.3027): error 2,
    # t (1·1.9842 + 3·4.3027)/4 = 3.7230
    found = Effect(10.0, UsersError(1.0, 99), (SeedsError(3.0, 2),))
    assert found.ends() == pytest.approx((10 - 7.446, 10 + 7.446), abs=1e-3)
    # at power .8: t .8453 and 1.0607, weighted 1.0068; (3.7230 + 1.0068)·2
    assert found.detectable(0.05) == pytest.approx(9.4596, abs=1e-3)
    # p is the level at which the interval would end at 0
    low, _ = found.ends(1 - found.p_value())
    assert low == pytest.approx(0, abs=1e-6)


def test_with_users_alone_the_test_is_students():
    scores = np.random.default_rng(0).normal(1, 2, 40)
    found = effect_of([scores], trained=False)
    assert found.seeds is None
    as_t = Effect(found.value, UsersError(found.users.variance, 39))
    assert as_t.p_value() == pytest.approx(ttest_1samp(scores, 0).pvalue)


@pytest.mark.parametrize(
    ("seeds", "trained", "about"),
    [
        ((3, 3), (True, True), "methods"),
        ((3, 1), (True, False), "methods"),
        ((1, 1), (False, False), "methods"),
        ((3, 2), (True, True), "checkpoints"),
        ((1, 1), (True, True), "checkpoints"),
        ((1, 1), (True, False), "checkpoints"),
    ],
)
def test_a_trained_side_needs_three_seeds_for_a_verdict_about_methods(seeds, trained, about):
    rng = np.random.default_rng(0)
    first, second = (rows_of(rng.normal(0, 5, (1, 60)) + rng.normal(0, 9, (count, 1)))
                     for count in seeds)  # fmt: skip
    found = compare(MEAN, first, second, Panel(USERS_60, "print"), trained)
    assert found.about == about
    only_users = compare(MEAN, first, second, Panel(USERS_60, "print"), (False, False))
    wider = (found.high - found.low) / (only_users.high - only_users.low)
    assert wider > 2 if about == "methods" and any(trained) else wider == 1


def test_a_difference_over_seeds_shares_its_users():
    users = np.random.default_rng(0).normal(50, 20, 60)
    first = rows_of([users + 1, users + 1.2, users + 0.8])
    second = rows_of([users, users + 0.1, users - 0.1])
    found = compare(MEAN, first, second, Panel(USERS_60, "print"))
    assert found.difference == pytest.approx(1)
    # users differ by 20, but together. Seeds: variances .04 and .01, error √(.05/3) = .1291 with
    # .05²/(.04²/2 + .01²/2) = 2.94 degrees, t 3.216
    assert (found.low, found.high) == pytest.approx((1 - 0.4152, 1 + 0.4152), abs=1e-3)


def test_a_verdict_about_methods_needs_the_seeds_to_agree():
    users = np.random.default_rng(0).normal(50, 20, 60)
    noise = np.random.default_rng(1).normal(0, 3, (2, 3, 60))
    second = users + noise[1]
    agree = compare(MEAN, rows_of(users + [[8], [9], [10]] + noise[0]), rows_of(second),
                    Panel(USERS_60, "print"))  # fmt: skip
    differ = compare(MEAN, rows_of(users + [[1], [3], [23]] + noise[0]), rows_of(second),
                     Panel(USERS_60, "print"))  # fmt: skip
    assert agree.p_value < 0.01
    assert differ.p_value > 0.2  # over users alone it would be 0.0001
    assert differ.low < 0 < differ.high
