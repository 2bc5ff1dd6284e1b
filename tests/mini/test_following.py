"""Preference following: a metric that the built-in benchmark brings, by hand and on its texts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.data import load_split
from harness.metrics import metric
from harness.metrics.base import Pair, Part
from harness.metrics.scoring import scored
from harness.mini.following import Following
from harness.run.evaluate.texts import metrics_of, pairs_of, score_texts
from harness.settings import build_settings
from harness.types import Example
from tests.support.texts import panel


@dataclass(frozen=True)
class Place:
    kind: str
    family: str
    position: int
    held_out: bool = False
    chance: float = 0.25


CALLS = {
    "a": [Place("opening", "formula", 0), Place("word", "vocabulary", 150, chance=0.5)],
    "b": [Place("word", "vocabulary", 99), Place("comma", "spelling", 5, held_out=True)],
    "c": [Place("comma", "spelling", 5, held_out=True)],
}


@pytest.fixture
def texts(monkeypatch):
    """Three texts; a call is followed where the text holds its position as a word."""
    monkeypatch.setattr("harness.mini.following.calls", lambda *place, seed: CALLS)
    monkeypatch.setattr("harness.mini.following.followed", _followed)
    monkeypatch.setattr("harness.mini.following.rewrite", lambda *place, seed: "")
    written = {"a": "0", "b": "99", "c": "5"}
    return [
        Pair(text, "0 5 99 150", Example(key, key, "product_review", "x", ()))
        for key, text in written.items()
    ]


def _followed(places, text):
    return [str(place.position) in text.split() for place in places]


def test_following_by_hand(texts):
    own, users = Following(), panel("abc")
    found = scored(own, [texts], users).score
    # held-out calls apart: examples ½ and 1, the third has none → 75
    assert found.each == (50, 100, None)
    assert found.value == 75
    assert found.low <= 75 <= found.high
    view = own.breakdown([texts], users)
    assert (view.value, view.places, view.floor, view.ceiling) == (75, 3, 0, 100)
    assert view.chance == pytest.approx(100 * (0.375 + 0.25) / 2)
    assert view.groups["held_out"]["all"].value == 50  # "b" 0, "c" 100
    assert set(view.groups["kind"]) == {"opening", "word"}
    assert view.groups["kind"]["word"].value == 50
    assert view.groups["family"]["formula"].value == 100


def test_a_part_is_scored_on_its_own_calls(texts):
    own, (first, *_) = Following(), texts
    cut = [Part(start, end, "0", first.reference) for start, end in ((0, 100), (100, 200))]
    assert [own.score(Pair("", "", first.example, part)) for part in cut] == [100, 0]


def test_a_continuation_is_scored_on_calls_decided_inside_the_window(texts):
    own, (first, *_) = Following(), texts
    # the reference holds "150" in its second half only, and "0" from the first word on
    reference = "0 " + "x " * 148 + "y 150"
    inside = Part(140, 151, "150", reference, given=True)
    assert own.score(Pair("", "", first.example, inside)) == 100
    assert own.score(Pair("", "", first.example, Part(140, 149, "150", reference, True))) is None


def test_no_call_is_null_with_a_reason(texts):
    found = scored(Following(), [texts[2:]], panel("c")).score
    assert (found.value, found.missing) == (None, "no example has a value of following")


@pytest.mark.parametrize(("limit", "floor"), [(1, None), (5, 35.122)])
def test_the_built_in_benchmark_adds_it_between_floor_and_ceiling(limit, floor):
    sets = [f"data.limit={limit}", "eval.resamples=100", 'eval.metrics=["rouge1"]']
    chosen = build_settings("mini", sets)
    test = load_split(chosen, "test")
    assert [one.name for one in metrics_of(test, chosen.eval)] == ["following", "rouge1"]
    texts = {example.id: test.references[example.id].text for example in test.examples}
    found = score_texts(test, [texts], chosen.eval)
    assert next(iter(found.metrics)) == "following"
    view = found.breakdowns["following"]
    assert (found.metrics["following"].value, view.value, view.ceiling) == (100, 100, 100)
    assert view.floor == (None if floor is None else pytest.approx(floor, abs=1e-3))
    own = metric("following", chosen.eval, test.metrics["following"])
    assert [own.score(pair) for pair in pairs_of(test, [texts])[0]] == [100] * limit
    # the references follow every call in each slice that has one
    assert {row.value for row in found.slices["following"]} <= {100, None}
