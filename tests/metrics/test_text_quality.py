"""Length, repetition, variety and copying, against values worked out by hand."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.metrics import run_filter, text_quality
from harness.metrics.base import Pair
from harness.metrics.run_filter import may_share
from harness.metrics.scoring import scored
from harness.metrics.text_quality import (
    Copied,
    Distinct,
    LengthRatio,
    RepeatedNgrams,
    ngrams,
    tokens,
)
from harness.types import Example
from tests.support.texts import panel

PROFILE = ({"title": "one two", "text": "a b c d e f g h i"}, {"title": "", "text": "x y z"})
EXAMPLE = Example("e", "u", "t", "", PROFILE)


def pair(text: str, reference: str = "one two three four") -> Pair:
    return Pair(text, reference, EXAMPLE)


def test_length_is_a_ratio_of_sums_and_not_a_mean_of_ratios():
    length = LengthRatio()
    rows = length.rows([pair("a"), pair("a b c d e, f", "a b")])
    assert rows.tolist() == [[1, 4], [7, 2]]
    assert length.value(rows.sum(axis=0)) == pytest.approx(100 * 8 / 6)
    assert np.allclose(length.each(rows), [25, 350])


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("a b c d e", 0),
        ("a b c d a b c d", 100 * (1 - 4 / 5)),  # 5 4-grams; abcd twice
        ("Go on. go on. Go on. ", 100 * (1 - 3 / 6)),  # lower-cased, with the marks
        ("a a a a a a a", 75),
        ("a b c", None),
        ("", None),
    ],
)
def test_repeated_4grams(text: str, share: float | None):
    assert RepeatedNgrams().score(pair(text)) == (share if share is None else pytest.approx(share))


def test_a_sample_without_any_value_leaves_the_metric_without_one():
    metric, long, short = RepeatedNgrams(), pair("a b c d e"), pair("a b")
    for samples in ([[short] * 2, [long] * 2], [[long, short], [short] * 2]):
        found = scored(metric, samples, None)
        assert found.score.missing == (
            f"no example has a value of {metric.name} in one of its samples"
        )
        assert (found.score.value, found.rows) == (None, None)
    assert scored(metric, [[long, short], [short, long]], None).score.value == 0


def test_a_text_without_a_value_takes_nothing_from_the_other_samples():
    # distinct-2 of example 0 is 100, 50, 100; of example 1: 100, none, 2/3; of example 2: none
    texts = [["a b", "a b c", "a"], ["a a a", "a", "a"], ["a b", "a b a b", "a"]]
    samples = [[pair(text) for text in own] for own in texts]
    score = scored(Distinct(), samples, None).score
    first, second = (100 + 50 + 100) / 3, (100 + 200 / 3) / 2
    assert score.each == (pytest.approx(first), pytest.approx(second), None)
    assert score.value == pytest.approx((first + second) / 2)  # what the examples give


def test_a_text_without_a_value_in_one_sample_leaves_the_interval():
    samples = [[pair("a b a b" if at % 3 else "a b") for at in range(40)] for _ in range(2)]
    users = panel(f"u{at // 2}" for at in range(40))
    whole = scored(Distinct(), samples, users).score
    samples[1][3] = pair("a")
    found = scored(Distinct(), samples, users)
    assert found.score == whole  # the other sample of example 3 has the same value
    assert found.rows is not None
    assert found.score.low < found.score.value < found.score.high


def test_distinct_bigrams_of_each_text():
    assert Distinct().score(pair("a b a b")) == pytest.approx(100 * 2 / 3)
    assert Distinct().score(pair("a")) is None


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("a b c d e f g h", 100),
        ("A B c d e f g h and more of mine", 100 * 8 / 12),
        ("b c d e f g h i k a b c d e f g h", 100 * 16 / 17),
        ("one two a b c d e f", 0),  # an n-gram never crosses two fields
        ("x y z", None),
    ],
)
def test_copied_tokens_are_those_inside_8grams_of_the_profile(text: str, share: float | None):
    assert Copied().score(pair(text)) == (share if share is None else pytest.approx(share))


WORDS = st.lists(st.sampled_from("ab"), max_size=24).map(" ".join)


@settings(max_examples=60)
@given(WORDS, WORDS, st.lists(WORDS, max_size=3))
def test_text_and_reference_are_scored_together_as_each_alone(text, reference, fields):
    example = Example("e", "u", "t", "", tuple({"text": field} for field in fields))

    def share(one: str) -> float | None:
        own = list(ngrams(tokens(one), 8))
        profile = {gram for field in fields for gram in ngrams(tokens(field), 8)}
        inside = {
            start + at for start, gram in enumerate(own) if gram in profile for at in range(8)
        }
        return 100 * len(inside) / len(tokens(one)) if own else None

    measure = Copied()
    found = [measure.score(Pair(one, reference, example)) for one in (text, reference)]
    assert found == [None if each is None else pytest.approx(each)
                     for each in (share(text), share(reference))]  # fmt: skip


def test_a_profile_is_read_once_for_text_and_reference(monkeypatch):
    read = []
    monkeypatch.setattr(text_quality, "tokens", lambda text: read.append(text) or tokens(text))
    measure = Copied()
    for text in ("a b c d e f g h", "one two three four"):
        measure.score(pair(text))
    assert sum(text == "a b c d e f g h i" for text in read) == 1


PIECES = ["a", "B", "long", "longer", "ÄÖ", "İ", "Σ", ".", ",", "中", "\ud800", "é"]
GAPS = [" ", "\n", "  ", "\u00a0", "\x1f", ""]
MIXED = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), max_size=40).map(
    lambda pairs: "".join(chain.from_iterable(pairs))
)


@pytest.mark.parametrize("pieces", [1, 12])
@settings(max_examples=150)
@given(MIXED, MIXED, st.lists(MIXED, max_size=4), st.integers(0, 30), st.data())
def test_the_filter_misses_no_field_that_shares_a_run(pieces, text, own, fields, start, data):
    words = st.lists(st.sampled_from(["runs", "of", ",", "many", "bytes", "é"]), max_size=pieces)
    shared = " longwordtogether ".join(data.draw(words))
    texts = [tokens(text), tokens(f"{own} {shared}")]
    fields = [*fields, f"{text[start:]}{shared}\n{own}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_filter, "FEW", 0)
        found = may_share(texts, fields, 8)
    wanted = {gram for text in texts for gram in ngrams(text, 8)}
    assert {at for at, field in enumerate(fields)
            if wanted & {*ngrams(tokens(field), 8)}} <= {*found}  # fmt: skip


def test_the_filter_passes_few_fields_of_a_long_profile():
    words = [f"word{at * at % 9973}" for at in range(6000)]
    fields = [" ".join(words[at : at + 60]) for at in range(0, 6000, 60)]
    texts = [tokens(" ".join(words[3000:3008])), tokens("nothing of that kind was ever said here")]
    assert may_share(texts, fields, 8) == [50]
    short = [["a"] * 8]  # too few bytes for the hashes
    assert may_share(short, [*fields, "b a a a a a a a a"], 8) == [100]
