"""Metrics on trial: planted metrics come out as what they are."""

from __future__ import annotations

import pytest

from harness.data.tasks import PRODUCT_REVIEW
from harness.metrics.base import MeanMetric, Unavailable
from harness.metrics.bleu import Bleu
from harness.metrics.trial.controls import ProfileOverlap, TextLength
from harness.metrics.trial.duels import DUELS, try_metrics, verdict
from harness.metrics.trial.planted import plant
from harness.record import Estimate
from harness.statistics import Panel
from tests.support.authored import author, made_up


class Oracle(MeanMetric):
    """Who wrote it: 1 for a text by the user alone, minus its length in excess of 8 words."""

    name, unit = "oracle", "points"

    def score(self, pair):
        words = pair.prediction.split()
        return float(author(pair.prediction) == {pair.example.user_id}) - (len(words) > 8)


class Constant(MeanMetric):
    name = "constant"

    def score(self, pair):
        return 7.0


class Shortness(MeanMetric):
    """The number of words, where fewer are better."""

    name = "shortness"
    better = "lower"

    def score(self, pair):
        return float(len(pair.prediction.split()))


class Absent(MeanMetric):
    name = "absent"

    def score(self, pair):
        raise Unavailable("no model: install one")


class Patchy(Oracle):
    """The oracle, but without a value for users, or lengths in words, that it does not know."""

    def __init__(self, users=24, longest=100):
        self.name, self._users, self._longest = f"oracle of {users} and {longest}", users, longest

    def score(self, pair):
        user, length = int(pair.example.user_id[1:]), len(pair.prediction.split())
        return super().score(pair) if user < self._users and length <= self._longest else None


class Padded(Oracle):
    """The oracle, without its price of length; with a prize for it from the 20th user on."""

    def score(self, pair):
        late, words = int(pair.example.user_id[1:]) >= 19, len(pair.prediction.split())
        return super().score(pair) + (words > 8) * (2 + late)  # padded with others' words


@pytest.fixture(scope="module")
def plants():
    return plant(PRODUCT_REVIEW, made_up(users=24))


@pytest.fixture(scope="module")
def tried(plants):
    metrics = [Oracle(), Constant(), TextLength(), ProfileOverlap(), Shortness(), Absent(), Bleu()]
    users = tuple(example.user_id for example in plants.examples)
    return try_metrics(plants, metrics, Panel(users, "print", 200))


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        (Patchy(users=1), "too few users"),
        (Patchy(users=19), "too few users"),
        (Patchy(users=20), "passes"),
        (Patchy(longest=8), "too few users"),  # no padded text has a value
    ],
    ids=["1 user", "19 users", "20 users", "no padded text"],
)
def test_a_verdict_needs_users_with_a_value_in_each_deciding_duel(plants, metric, outcome):
    users = tuple(example.user_id for example in plants.examples)
    (found,) = try_metrics(plants, [metric], Panel(users, "print", 200)).values()
    assert found.auc["own_over_other"].value == 100
    assert (found.outcome, found.failed) == (outcome, ())


def test_one_user_with_many_texts_decides_nothing():
    # 19 users of one text are even on padding, and one of 21 texts prefers it: no interval
    plants = plant(PRODUCT_REVIEW, made_up(users=40))
    users = (*(f"user {at}" for at in range(19)), *["many texts"] * 21)
    (found,) = try_metrics(plants, [Padded()], Panel(users, "print", 200)).values()
    padded = found.auc["padded_over_own"]
    assert (padded.value, padded.low) == (pytest.approx((19 * 50 + 21 * 100) / 40), None)
    assert (found.outcome, found.failed) == ("passes", ())


def values(tried, name):
    return {duel: one.value for duel, one in tried[name].auc.items()}


def test_an_oracle_passes(tried):
    found = values(tried, "oracle")
    assert (tried["oracle"].outcome, tried["oracle"].failed) == ("passes", ())
    assert found["own_over_other"] == found["own_over_generic"] == found["own_over_stranger"] == 100
    assert found["padded_over_own"] == 0
    assert found["copied_over_own"] == found["own_over_shuffled"] == 50  # ties count half


def test_a_constant_prefers_nothing_and_fails(tried):
    assert set(values(tried, "constant").values()) == {50}
    assert tried["constant"].failed == ("own_over_other",)
    assert tried["constant"].agreement["oracle"].value is None


def test_length_comes_out_as_length(tried):
    found = values(tried, "text length")
    assert found["padded_over_own"] == 100
    assert found["cut_over_own"] == 0
    assert found["own_over_other"] == found["copied_over_own"] == 50
    assert tried["text length"].failed == ("own_over_other", "padded_over_own")


def test_a_metric_where_lower_is_better_is_turned_round(tried):
    found = values(tried, "shortness")
    assert found["padded_over_own"] == 0
    assert found["cut_over_own"] == 100
    assert tried["shortness"].agreement["text length"].value == pytest.approx(-1)


def test_overlap_with_the_profile_comes_out_as_copying(tried):
    found = values(tried, "profile overlap")
    assert found["copied_over_own"] == found["half_copied_over_own"] == 100
    assert "copied_over_own" in tried["profile overlap"].failed


def test_a_metric_without_a_value_says_why(tried):
    one = tried["absent"]
    assert (one.outcome, one.missing, one.auc, one.agreement) == (
        "no value",
        "no model: install one",
        {},
        {},
    )
    assert "absent" not in tried["oracle"].agreement


def test_a_metric_of_the_reference_alone_is_even_on_copies(tried):
    """Own and copied change places, so it cannot prefer one of them."""
    assert values(tried, "bleu")["copied_over_own"] == 50


def estimates(**changed):
    """Duels that a good metric wins, with some changed: (value, low)."""
    found = dict.fromkeys(DUELS, Estimate(value=50.0, low=40.0, high=60.0))
    found["own_over_other"] = Estimate(value=70.0, low=60.0, high=80.0)
    return found | {
        name: Estimate(value=value, low=low, high=None) for name, (value, low) in changed.items()
    }


@pytest.mark.parametrize(
    ("changed", "users", "expected"),
    [
        ({}, 20, ("passes", ())),
        ({}, 19, ("too few users", ())),
        ({"own_over_other": (58.0, 49.9)}, 20, ("fails", ("own_over_other",))),
        ({"padded_over_own": (58.0, 50.1)}, 20, ("fails", ("padded_over_own",))),
        ({"copied_over_own": (58.0, 50.1)}, 20, ("fails", ("copied_over_own",))),
        ({"half_copied_over_own": (58.0, 50.1)}, 20, ("passes", ())),  # a mixture of two own texts
        ({"own_over_other": (98.0, None)}, 20, ("passes", ())),  # all but one user at 100
        ({"own_over_other": (52.5, None)}, 20, ("fails", ("own_over_other",))),  # at 50
        ({"own_over_other": (None, None)}, 20, ("no value", ())),
    ],
)
def test_verdicts(changed, users, expected):
    found = estimates(**changed)
    of_users = {name: [one.value or 0.0] * users for name, one in found.items()}
    assert verdict(found, of_users) == expected


def test_no_value_no_verdict():
    assert verdict({}, {}) == ("no value", ())
