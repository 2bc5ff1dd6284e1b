"""Where a gain begins to fall: planted falls are found, and constant gains are not said to fall."""

import numpy as np
import pytest

from benchmarks.fading_rates import WORLDS, World, answered, rates
from harness.statistics import Panel
from harness.statistics.changepoint import fading, judge_fading
from harness.statistics.positions import CELL, cells_of, ratio_band, smooth


def cells(levels, users=30, length=200, noise=0.0, seeds=1):
    """Texts with a mean at each token and the same noise in all seeds."""
    draw = np.random.default_rng(3)
    texts = [levels + noise * draw.normal(size=length) for _ in range(users)]
    return cells_of([texts] * seeds, [f"u{at}" for at in range(users)])


def test_a_clear_fall_is_found_to_the_cell():
    tokens = np.arange(200)
    known = cells(np.where(tokens < 100, 0.4, 0.1), noise=0.1)
    found = fading(known, Panel(known.users, "f", resamples=200), trained=False)
    assert (found.answer, found.onset, found.width) == ("fades", 100, 0)
    assert found.low <= 100 <= found.high
    assert found.before.value == pytest.approx(0.4, abs=0.02)
    assert found.after.value == pytest.approx(0.1, abs=0.02)


def test_a_fall_along_a_line_has_its_width():
    known = cells(np.clip(0.6 - 0.006 * (np.arange(200) - 80).clip(0), 0, 1), noise=0.1)
    found = fading(known, Panel(known.users, "f", resamples=200), trained=False)
    assert (found.answer, found.width) == ("fades", 100)
    assert abs(found.onset - 80) <= 2 * CELL


def test_a_rise_is_no_fall_and_a_constant_gain_does_not_fade():
    rising = cells(np.linspace(0.1, 0.5, 200), noise=0.1)
    constant = cells(np.full(200, 0.3), noise=0.1)
    panel = Panel(rising.users, "f", resamples=200)
    assert fading(rising, panel, trained=False).answer == "does not fade"
    assert fading(constant, panel, trained=False).answer == "does not fade"


def test_what_cannot_be_told_has_a_reason():
    few = cells(np.full(200, 0.3), users=12, noise=0.1)
    none = cells(np.zeros(200), noise=0.5)
    faint = cells(np.full(200, 0.02), noise=0.25)
    found = [
        fading(each, Panel(each.users, "f", resamples=200), False) for each in (few, none, faint)
    ]
    assert [each.answer for each in found] == ["cannot tell"] * 3
    assert found[0].reason == "12 users: an answer needs 20"
    assert found[1].reason == "the user's own profile shows no gain that could fade"
    assert found[2].reason.startswith("neither a fall nor the loss of 50 %")


def test_a_user_without_tokens_changes_nothing():
    draw = np.random.default_rng(3)
    texts = [0.3 + 0.1 * draw.normal(size=200) for _ in range(30)]
    users = [f"u{at}" for at in range(30)]
    known = cells_of([texts], users)
    with_empty = cells_of([[*texts[:5], np.zeros(0), *texts[5:]]], [*users[:5], "none", *users[5:]])
    alone, beside = (
        fading(each, Panel(each.users, "f", resamples=200), trained=False)
        for each in (known, with_empty)
    )
    assert beside == alone
    for first, second in zip(
        vars(smooth(known, False)).values(), vars(smooth(with_empty, False)).values(), strict=True
    ):
        assert np.array_equal(first, second)


def test_texts_that_end_early_are_no_fall():
    # users with much gain write short texts: the mean falls where they end, no text does
    draw = np.random.default_rng(1)
    texts = [
        (0.2 if user % 3 else 0.6) + 0.05 * draw.normal(size=300 if user % 3 else 150)
        for user in range(60)
    ]
    known = cells_of([texts], [str(user) for user in range(60)])
    assert known.length == 300
    panel = Panel(known.users, "f", resamples=200)
    assert fading(known, panel, trained=False).answer == "does not fade"


def test_systems_of_a_page_share_holms_correction():
    known = cells(np.where(np.arange(200) < 100, 0.4, 0.1), noise=0.1)
    panel = Panel(known.users, "f", resamples=200)
    alone = fading(known, panel, trained=False)
    together = judge_fading(dict.fromkeys("abc", (known, panel, False)))
    assert [each.p_holm for each in together.values()] == [pytest.approx(3 * alone.p_value)] * 3


@pytest.mark.parametrize(("length", "onset"), [(45, 20), (70, 50), (320, 300)])
def test_a_fall_is_not_excluded_where_no_split_lies_behind_it(length, onset):
    # splits lie every 25 tokens: none in 45, and the last one also 25 before the end
    known = cells(np.where(np.arange(length) < onset, 0.2, 0.0), length=length, noise=0.05)
    found = fading(known, Panel(known.users, "f", resamples=200), trained=False)
    assert (found.answer, found.excluded) == ("fades", False)


@pytest.mark.parametrize(
    ("lengths", "reached"),
    [([40, 100], 100), ([40, 60, 100], 60), ([40, 60, 80, 100], 80), ([40, 40, 40, 100], 40)],
)
def test_cells_end_where_half_of_the_texts_do(lengths, reached):
    known = cells_of([[np.zeros(length) for length in lengths]], list("abcd")[: len(lengths)])
    assert known.length == reached


def test_the_band_is_the_one_of_a_ratio_over_users_and_seeds():
    # three users, one token each: mean 2, sd 1; two seeds alike add nothing
    one = np.array([1.0, 2.0, 3.0])
    parts = np.stack([one, np.ones(3)], axis=-1)[None, :, None]
    value, low, high = ratio_band(np.concatenate([parts] * 3), trained=True)
    half = 4.302653 / np.sqrt(3)  # Student's t with 2 degrees
    assert value == pytest.approx([2.0])
    assert (low, high) == (pytest.approx([2 - half], abs=1e-4), pytest.approx([2 + half], abs=1e-4))
    # seeds that differ by 1, 0, −1 add their variance 1/3: together 2/3 with 4 degrees
    shifted = np.concatenate([parts + np.array([move, 0.0]) for move in (-1, 0, 1)])
    _, wide, _ = ratio_band(shifted, trained=True)
    assert wide == pytest.approx([2 - 2.776445 * np.sqrt(2 / 3)], abs=1e-4)
    assert ratio_band(shifted, trained=False)[1] == pytest.approx(low)


def test_the_curve_is_the_local_mean():
    known = cells(np.full(200, 0.3))
    curve = smooth(known, trained=False)
    assert curve.value == pytest.approx(np.full(len(curve.x), 0.3))
    assert (curve.x[0], curve.x[-1]) == (5, 195)


def test_short_texts_have_no_curve():
    assert cells_of([[np.zeros(39)] * 5], list("abcde")) is None
    assert cells_of([[]], []) is None


def test_a_small_planted_panel_is_answered():
    found = answered(World("at once", 150, users=60, gain=0.4), 0)
    assert found.answer == "fades"
    assert abs(found.onset - 150) <= 10


def test_a_small_fall_is_said_to_be_small():
    known = cells(np.where(np.arange(200) < 100, 0.4, 0.3), noise=0.1)
    found = fading(known, Panel(known.users, "f", resamples=200), trained=False)
    assert found.falls
    assert found.answer == "does not fade"


@pytest.mark.slow
@pytest.mark.parametrize("world", [each for each in WORLDS if each.onset is None], ids=str)
def test_gains_that_do_not_fall_are_rarely_said_to_fade(world):
    assert rates(world, 200)["fades"] <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("world", [each for each in WORLDS if each.onset is not None], ids=str)
def test_planted_falls_are_found_and_their_intervals_hold_them(world):
    found = rates(world, 100)
    assert found["fades"] >= 0.95
    assert found["does not fade"] <= 0.05
    assert found["covered"] >= 0.9
    assert found["close"] >= 0.9
