"""Style: cosine with the author's other texts, between floor and ceiling, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.metrics import is_mean, metric, ready_metric, unit_of
from harness.metrics.base import Pair
from harness.metrics.style import NEAR, OTHER_AUTHORS
from harness.types import Example
from tests.support.texts import panel


class Planted:
    """Texts of `east` and `north` words at right angles."""

    fingerprint, longest, layers = "abc", 64, 1

    def encode(self, texts):
        rows = [[text.split().count("east"), text.split().count("north"), 0.0] for text in texts]
        rows = np.array([row if any(row) else [0, 0, 1] for row in rows], dtype=float)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def style():
    found = metric("style:/models/tiny")
    found.encoder = Planted()
    return found


def pair(user, prediction, reference, *profile, topic="lamp"):
    entries = tuple(
        {"overall": "5", "description": topic, "summary": "", "reviewText": text}
        for text in profile
    )
    return Pair(
        prediction, reference, Example(f"{user}{topic}", user, "product_review", topic, entries)
    )


def test_the_author_is_the_mean_of_the_profiles_texts(style):
    # profile (1,0) and (0,1): mean (½,½), scaled to (0.7071, 0.7071)
    pairs = [
        pair("ann", "east", "-", "east", "north"),  # cosine 0.7071
        pair("ann", "north north", "-", "north"),  # cosine 1
        pair("bob", "north", "-", "east"),  # cosine 0
        pair("bob", "", "-", "east"),  # empty: 0, and counts
        pair("cid", "east", "-"),  # no text to compare with: no value
        pair("cid", "east", "-", "  "),
    ]
    expected = [[70.710678, 1], [100, 1], [0, 1], [0, 1], [0, 0], [0, 0]]
    np.testing.assert_allclose(style.rows(pairs), expected, atol=1e-6)


def test_floor_and_ceiling_are_real_texts(style):
    pairs = [
        pair("ann", "north", "east", "east"),
        pair("bob", "north", "north", "north", "north"),
        pair("cid", "north", "east north", "north"),
    ]
    found = style.breakdown([pairs], panel("abc"))
    # references with their own authors: 100, 100, 70.71
    assert found.ceiling == pytest.approx((100 + 100 + 70.710678) / 3)
    # with the other authors: ann ← north 0, east north 70.71; bob ← east 0, east north 70.71;
    # cid ← east 0, north 100
    each = [(0 + 70.710678) / 2, (0 + 70.710678) / 2, (0 + 100) / 2]
    assert found.floor == pytest.approx(sum(each) / 3)
    assert found.value == pytest.approx(200 / 3)
    # near in topic are both others, but none whose profile has the reference, as "north": for ann
    # bob and cid, for bob ann, for cid both
    near = [each[0], 0, each[2]]
    assert found.groups[OTHER_AUTHORS][NEAR].value == pytest.approx(sum(near) / 3)


def test_one_author_has_a_ceiling_and_no_floor(style):
    found = style.breakdown([[pair("ann", "east", "east", "east")]], panel("a"))
    assert (found.ceiling, found.floor) == (pytest.approx(100), None)
    assert found.groups[OTHER_AUTHORS][NEAR].missing == "one author only"


def test_samples_are_averaged_in_the_breakdown(style):
    rows = [[pair("ann", text, "east", "east")] for text in ("east", "north")]
    assert style.breakdown(rows, panel("a")).value == pytest.approx(50)


def test_the_signature_has_the_encoders_digest_and_no_folder(style):
    assert style.signature == "style|encoder:abc|max:64|pool:mean|author:mean of profile|cosine×100"
    assert style.title == "style (tiny)"
    assert (is_mean(style.name), unit_of(style.name)) == (True, "cosine × 100")


@pytest.mark.parametrize("name", ["style:./nowhere", "bertscore:/no/where?layer=1"])
def test_a_folder_without_a_model_is_refused_before_the_work(name):
    metric(name)  # which a comparison on another machine needs
    with pytest.raises(UsageError, match=r"no config\.json in .*where; expected the folder of a"):
        ready_metric(name)
