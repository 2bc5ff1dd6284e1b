"""Values and declarations of a plugin's metric that cannot be used are refused, with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from harness import registry
from harness.errors import UsageError
from harness.metrics import metric
from harness.metrics.base import MeanMetric, Metric, Pair
from harness.metrics.forced import forced_scores, window_pair
from harness.metrics.scoring import scored
from harness.statistics import Array
from tests.support.texts import pairs, panel


class Marks(Metric):
    """Exclamation marks of the texts over those of the references."""

    name, unit = "marks", "of the references"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[p.prediction.count("!"), p.reference.count("!")] for p in pairs], float)

    def value(self, sums: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[..., 0] / sums[..., 1]


@pytest.mark.parametrize(
    ("texts", "references", "where"),
    [
        (["a!", "b!"], ["a", "b"], "inf for all texts"),
        (["a!", "b!"], ["a", "b!!"], "inf for example "),
    ],
    ids=["all texts", "an example"],
)
def test_a_value_that_is_no_finite_number_costs_the_metric_its_value(texts, references, where):
    found = scored(Marks(), [pairs(texts, references)], panel("uvw"[: len(texts)])).score
    assert (found.value, found.each, found.low) == (None, (None,) * len(texts), None)
    assert f"metric marks: {where}" in (found.missing or "")
    assert "expected a finite number" in (found.missing or "")


class Signed(Marks):
    """Weights that sum to 0 once one of the first three users is left out."""

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[1, 1], [2, 1], [3, 1], [4, -2]], float)


def test_an_interval_without_finite_ends_costs_the_metric_its_value():
    found = scored(Signed(), [pairs("abcd", "abcd")], panel("uvwx")).score
    assert (found.value, found.each, found.low) == (None, (None,) * 4, None)
    assert "for an end of the interval; expected a finite number" in (found.missing or "")


class Weighed(Marks):
    """Each text weighs as much as its one word says, `n` being a minus."""

    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[at, int(p.prediction.replace("n", "-"))] for at, p in enumerate(pairs)])


@pytest.mark.parametrize(
    ("texts", "missing"),
    [
        # a user has 1, 1, 1, −2 in both slices together: 0 without one of the first three
        (["4 n3", "4 n3", "4 n3", "4 n6"], "metric marks: nan for an end of the interval"),
        # the same in the first slice, of those who reach the second
        (["1 3", "1 3", "1 3", "n2 3", "5"], "the slope or an end of its interval is no finite"),
    ],
    ids=["all windows", "the slope"],
)
def test_a_slope_over_slices_is_null_where_its_metric_or_the_slope_is_not_finite(texts, missing):
    windows = [
        [window_pair(one.prediction, one, at, 1) if at < len(text.split()) else None
         for at in (0, 1)]
        for text, one in zip(texts, pairs(texts, texts), strict=True)
    ]  # fmt: skip
    found = forced_scores(Weighed(), windows, (0, 1), panel("uvwxy"[: len(texts)])).entry
    assert [one.missing for one in found.slices] == [None, None]
    assert (found.drift.value, found.drift.low) == (None, None)
    assert missing in (found.drift.missing or "")


def test_an_example_whose_row_is_0_has_no_value():
    found = scored(Marks(), [pairs(["a", "b!"], ["a", "b!!"])], None).score
    assert (found.value, found.each, found.missing) == (0.5, (None, 0.5), None)


class First(Marks):
    def rows(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[len(pair.prediction)] for pair in pairs], float)

    def value(self, sums: Array) -> Array:
        return sums[0]


class Kept(First):
    def value(self, sums: Array) -> Array:
        return sums[..., :1]


class Column(Marks):
    def value(self, sums: Array) -> Array:
        return sums[0]


@pytest.mark.parametrize(
    ("kind", "found"), [(First, "(2, 1)"), (Kept, "(1, 2, 1)"), (Column, "(2, 2)")]
)
def test_a_value_of_another_shape_is_refused(kind, found):
    score = scored(kind(), [pairs(["a!", "bc!"], ["a!", "b!"])], panel("uv")).score
    assert score.value is None
    assert f"metric marks: `value` gave shape {found} for sums of shape" in (score.missing or "")
    assert "expected [..., K] → [...]" in (score.missing or "")


class Words(MeanMetric):
    name, unit = "words", "words"

    def score(self, pair: Pair) -> float:
        return float(len(pair.prediction.split()))


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("better", "smaller", "better = 'smaller'; expected 'higher' or 'lower'"),
        ("unit", None, "unit = None; expected text"),
        ("title", 3, "title = 3; expected text"),
        ("options", {"size": "sise"}, "options = {'size': 'sise'}; expected names of settings"),
    ],
)
def test_a_wrong_declaration_is_refused(monkeypatch, attribute, value, message):
    monkeypatch.setattr(Words, attribute, value)
    entry = registry.Entry("words", f"{__name__}:Words", "a package")
    monkeypatch.setattr("harness.registry.table", lambda kind: {"words": entry})
    with pytest.raises(UsageError) as refused:
        metric("words")
    assert f"metric 'words': {message}" in str(refused.value)
