"""Differences at equal lengths, on planted effects of length."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from harness.statistics import Panel, at_equal_length
from harness.statistics.length import ONE_LENGTH

USERS = tuple(f"u{at // 2}" for at in range(120))


def planted(rng, true, effect, longer=0.3, seeds=1):
    """Two systems; the first is `true` better, its texts `longer` in log length, each log length
    adding `effect`."""
    logs = rng.normal(5, 0.3, (2, seeds, 120)) + np.array([longer, 0.0])[:, None, None]
    shared = np.repeat(rng.normal(50, 10, 60), 2)
    values = shared + effect * logs + rng.normal(0, 4, logs.shape)
    values[0] += true
    return [
        np.stack([value, np.exp(log)], axis=-1) for value, log in zip(values, logs, strict=True)
    ]


def test_it_is_the_intercept_of_the_regression():
    first, second = planted(np.random.default_rng(0), 2, 10)
    found = at_equal_length(first, second, Panel(USERS, "print"))
    longer = np.log(first[0, :, 1] / second[0, :, 1])
    expected = linregress(longer, first[0, :, 0] - second[0, :, 0])
    assert found.value == pytest.approx(expected.intercept)
    assert found.low < found.value < found.high
    turned = at_equal_length(second, first, Panel(USERS, "print"))
    assert turned.value == pytest.approx(-found.value)
    assert found.turned().value == pytest.approx(turned.value)


@pytest.mark.parametrize(("true", "effect"), [(0.0, 10.0), (3.0, 10.0), (3.0, -10.0), (2.0, 0.0)])
def test_a_planted_effect_of_length_is_removed(true, effect):
    rng = np.random.default_rng(1)
    covered, values = 0, []
    for experiment in range(150):
        panel = Panel(USERS, f"print {experiment % 8}", 400)
        found = at_equal_length(*planted(rng, true, effect), panel)
        covered += found.low <= true <= found.high
        values.append(found.value)
    assert np.mean(values) == pytest.approx(true, abs=0.2)  # uncontrolled: 3 points off
    assert covered >= 0.9 * 150


def test_seeds_count_as_in_the_difference_itself():
    first, second = planted(np.random.default_rng(2), 2, 10, seeds=3)
    first[..., 0] += np.array([-9.0, 0.0, 9.0])[:, None]
    found = at_equal_length(first, second, Panel(USERS, "print"))
    alone = at_equal_length(first[1:2], second, Panel(USERS, "print"))
    assert (found.about, alone.about) == ("methods", "checkpoints")
    assert found.high - found.low > 3 * (alone.high - alone.low)


def test_lengths_that_cannot_be_told_from_the_method_give_no_number():
    values = np.random.default_rng(0).normal(50, 5, (1, 120))
    first = np.stack([values, np.full((1, 120), 200.0)], axis=-1)
    second = np.stack([values - 3, np.full((1, 120), 100.0)], axis=-1)
    found = at_equal_length(first, second, Panel(USERS, "print"))
    assert (found.value, found.reason) == (None, ONE_LENGTH)
    same = at_equal_length(first, np.stack([values - 3, first[..., 1]], -1), Panel(USERS, "print"))
    assert same.value == pytest.approx(3)


def test_examples_without_a_value_are_left_out_and_empty_texts_have_length_1():
    first, second = planted(np.random.default_rng(0), 2, 10)
    first[0, 0] = np.nan
    second[0, 1, 1] = 0.0
    found = at_equal_length(first, second, Panel(USERS, "print"))
    assert found.users == 60
    assert np.isfinite([found.low, found.value, found.high]).all()
    none = at_equal_length(first * np.nan, second, Panel(USERS, "print"))
    assert none.reason == "fewer than two users have both values"
