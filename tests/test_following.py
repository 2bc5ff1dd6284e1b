"""Preference following in the record of a run on the built-in benchmark."""

import pytest

from harness.data import load_split
from harness.following import mini_following
from harness.settings import build_settings


@pytest.mark.parametrize(("limit", "floor"), [(1, None), (5, 35.122)])
def test_the_floor_is_another_authors_text_and_null_without_one(limit, floor):
    chosen = build_settings("mini", "rag", [f"data.limit={limit}", "eval.resamples=100"])
    test = load_split(chosen, "test")
    texts = [test.references[example.id].text for example in test.examples]
    found, each = mini_following(test, chosen.data, [texts], chosen.eval)
    assert (found.value, found.ceiling, each) == (100, 100, [100] * limit)
    assert found.floor == (None if floor is None else pytest.approx(floor, abs=1e-3))
