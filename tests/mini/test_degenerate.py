"""Degenerate texts and their scores: preferences followed, overall and in the last slice."""

import numpy as np
import pytest

from harness.data import load_split
from harness.metrics.base import Pair
from harness.mini import calls, rewrite, rows
from harness.mini.following import Following
from harness.pipeline.evaluate.texts import free_slices, slices_of
from harness.settings import build_settings
from harness.statistics import Panel
from tests.support.degenerate import TEXTS, Case
from tests.support.pages import ROOT

SCORES: dict[str, tuple[float, float | None]] = {
    "empty": (0.0, 0.0),
    "the input": (0.0, None),
    "the profile, concatenated": (1.9, 4.2),
    "the longest profile text": (0.2, 0.0),
    "the profile with the aspects named first": (0.0, None),
    "every value of every kind": (0.0, None),
    "stuffed with the profile's words": (0.0, None),
    "function words in a circle": (0.0, 0.0),
    "another user's text": (0.2, 0.2),
    "the same input by another author": (28.9, 30.1),
    "reference, words shuffled": (0.0, 0.0),
    "reference, sentences shuffled": (10.7, 5.8),
    "reference, words reversed": (0.0, 0.0),
    "reference, every other word blah": (0.0, 0.0),
    "reference, a blah sentence after each": (0.0, 0.0),
    "reference, garbled": (0.0, 0.0),
    "reference, first sentences and a loop": (0.0, None),
    "reference, first sentences alone": (0.0, None),
    "reference, opening and closing alone": (0.0, 0.0),
    "reference, last sentence looped": (0.0, 0.0),
    "reference, first quarter": (22.9, 0.0),
    "reference, first half": (48.1, 0.0),
    "reference twice": (0.0, 0.0),
    "skyline: profile's sentences, input's aspects": (91.3, None),
    "reference": (100.0, 100.0),
}
"""Text → preferences followed over the 100 test reviews, and in the slice 300+."""


@pytest.fixture(scope="module")
def test():
    return load_split(build_settings("mini"), "test")


@pytest.fixture(scope="module")
def cases(test):
    places = calls("product_review", "user", "test")
    training = rows("product_review", "user", "train")
    users = [example.user_id for example in test.examples]
    return [
        Case(
            example,
            places[example.id][0].aspects,
            test.references[example.id].text,
            rewrite("product_review", "user", "test", example.id, users[number - 1]),
            training[number]["output"],
        )
        for number, example in enumerate(test.examples)
    ]


STARTS = (0, 100, 200, 300)


def scores(name, test, cases):
    pairs = [Pair(TEXTS[name](case), case.reference, case.example) for case in cases]
    metric = Following()
    whole = float(np.mean([metric.score(pair) for pair in pairs]))
    slices = free_slices(metric, slices_of([pairs], STARTS), Panel.of(test, 100))
    return whole, [each.value for each in slices]


@pytest.mark.parametrize("name", TEXTS)
def test_the_page_shows_these_scores(name):
    whole, last = SCORES[name]
    cells = f"{whole:.1f} | {'–' if last is None else f'{last:.1f}'}"
    assert f"| {name} | {cells} |" in (ROOT / "docs" / "mini.md").read_text("utf-8")


@pytest.mark.parametrize("name", TEXTS)
def test_scores(name, test, cases):
    whole, slices = scores(name, test, cases)
    last = slices[-1]
    assert (round(whole, 1), None if last is None else round(last, 1)) == SCORES[name]
    if name == "reference":
        assert slices == [100] * 4
