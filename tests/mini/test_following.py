"""Preference following: a metric that the built-in benchmark brings, by hand and on its texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from harness.data import load_split
from harness.metrics import metric
from harness.metrics.base import Pair, Part, Unavailable
from harness.metrics.scoring import scored
from harness.mini import Answer
from harness.mini.following import EVERYWHERE, Following
from harness.pipeline.evaluate.texts import metrics_of, pairs_of, score_texts
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
    "a": [Place("opening", "formula", 0), Place("praise", "vocabulary", 150, chance=0.5)],
    "b": [Place("praise", "vocabulary", 99), Place("tag", "formula", 5, held_out=True)],
    "c": [Place("tag", "formula", 5, held_out=True)],
}


@pytest.fixture
def texts(monkeypatch):
    """Three texts; a call is followed where the text holds its position as a word."""
    monkeypatch.setattr("harness.mini.following.calls", lambda *place, seed: CALLS)
    monkeypatch.setattr("harness.mini.following.answers", _answers)
    monkeypatch.setattr("harness.mini.following.rewrite", lambda *place, seed: "")
    written = {"a": "0", "b": "99", "c": "5"}
    return [
        Pair(text, "0 5 99 150", Example(key, key, "product_review", "x", ()))
        for key, text in written.items()
    ]


def _answers(places, text):
    """A word `@120` says where the text answers the calls that it does not follow."""
    words = text.split()
    at = next((int(word[1:]) for word in words if word.startswith("@")), None)
    followed = [str(place.position) in words for place in places]
    return [
        Answer(yes, place.position if yes else at)
        for yes, place in zip(followed, places, strict=True)
    ]


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
    assert set(view.groups["kind"]) == {"opening", "praise"}
    assert view.groups["kind"]["praise"].value == 50
    assert view.groups["family"]["formula"].value == 100


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("150", [None, 100]),  # the opening belongs to one slice, so no slice counts it
        ("", [None, 0]),  # not answered: where the reference answers it
        ("@20", [0, None]),  # answered early, and wrongly
    ],
)
def test_a_call_belongs_to_the_slice_in_which_the_text_answers_it(texts, text, scores):
    own, (first, *_) = Following(), texts
    cut = [Part(start, end, text, first.reference) for start, end in ((0, 100), (100, 200))]
    assert [own.score(Pair("", "", first.example, part)) for part in cut] == scores


def test_every_kind_weighs_the_same_in_a_slice(monkeypatch):
    several = {
        "a": [Place("praise", "v", 10), Place("praise", "v", 20), Place("hedge", "v", 30)],
        "b": [Place("praise", "v", 15)],
    }
    monkeypatch.setattr("harness.mini.following.calls", lambda *place, seed: several)
    monkeypatch.setattr("harness.mini.following.answers", _answers)
    pairs = [
        Pair("", "", Example(key, key, "product_review", "x", ()), Part(0, 100, text, ""))
        for key, text in (("a", "10 30"), ("b", "15"))
    ]
    own = Following().of_slices()
    rows = own.rows(pairs)
    praise, hedge = EVERYWHERE.index("praise"), EVERYWHERE.index("hedge")
    followed, asked = np.split(rows.sum(axis=0), 2)
    assert (followed[praise], asked[praise], followed[hedge], asked[hedge]) == (2, 3, 1, 1)
    # praise 2/3, hedge 1/1 → 83.3; pooled it would be 3/4
    assert own.value(rows.sum(axis=0)) == pytest.approx(100 * (2 / 3 + 1) / 2)
    assert own.value(own.absent(rows).sum(axis=0)) == 0
    with pytest.raises(Unavailable, match="no text answers a call here"):
        own.rows([Pair("", "", pairs[0].example, Part(50, 100, "10 30 20", ""))])


def test_a_continuation_is_scored_on_calls_decided_inside_the_window(texts):
    own, (first, *_) = Following(), texts
    # the reference holds "150" in its second half only
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
    # the references follow every call in each slice
    assert [row.value for row in found.slices["following"]] == [100] * 4
