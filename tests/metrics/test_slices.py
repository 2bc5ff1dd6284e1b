"""Slices of the target: tokenizer, cutting, free scores, likelihood, drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import metric, slices
from harness.metrics.drift import drift, mean_positions, slope_rows
from harness.metrics.likelihood import (
    likelihood_drift,
    likelihood_scores,
    likelihood_summary,
    nll_by_slice,
    relative,
)
from harness.metrics.slices import cut, slice_names, slice_of, slice_tokens
from harness.pipeline.evaluate.texts import free_slices, slices_of
from harness.record import SliceNll
from tests.support.texts import pairs, panel

STARTS = (0, 3, 6)


def test_words_and_single_marks_are_tokens():
    text = "It's  5½ — “ok”…\n naïve_x 😀!"
    found = [text[start:end] for start, end in slice_tokens(text)]
    assert found == ["It", "'", "s", "5½", "—", "“", "ok", "”", "…", "naïve_x", "😀", "!"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b, c\nd e  f g.", ["a b,", "c\nd e", "f g."]),  # 8 tokens: 3, 3, the rest
        ("a b c", ["a b c", "", ""]),  # ends exactly where the second slice begins
        ("a b c d", ["a b c", "d", ""]),
        (" \n ", ["", "", ""]),
    ],
)
def test_cut_by_hand(text, expected):
    assert cut(text, STARTS) == expected


def test_names_and_places():
    assert slice_names((0, 100, 200, 300)) == ["0-100", "100-200", "200-300", "300+"]
    assert [slice_of(at, STARTS) for at in (0, 2, 3, 5, 6, 99)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("starts", [(), (1, 2), (0, 5, 5), (0, 6, 3)])
def test_slices_that_do_not_rise_are_refused(starts):
    with pytest.raises(ValueError, match="expected starts from 0 that rise"):
        slice_names(starts)


@given(st.text(max_size=60))
def test_slices_hold_every_token_once(text):
    whole = [text[start:end] for start, end in slice_tokens(text)]
    parts = [part[start:end] for part in cut(text, STARTS) for start, end in slice_tokens(part)]
    assert parts == whole


def test_free_scores_by_hand():
    references = ["a b c d e f", "a b c", "a b c d"]
    predictions = ["a b c x e", "a b c d e f", "a"]
    texts = pairs(predictions, references)
    found = free_slices(metric("rouge1"), slices_of([texts], STARTS), panel("uvw"))
    first, second, third = found
    # 3/3; 3/3; P 1 R ⅓ → ½
    assert first.value == pytest.approx((100 + 100 + 50) / 3)
    # "x e" against "d e f" 2·½·⅓/(½+⅓) = .4; no member; ended before → 0, and counts
    assert second.value == pytest.approx((40 + 0) / 2)
    # 6 tokens end where the third slice begins: nobody is a member there
    assert [one.examples for one in found] == [3, 2, 0]
    assert (third.value, third.low, third.high) == (None, None, None)


def test_free_scores_are_averaged_over_samples():
    samples = [pairs([text], ["a b c d"]) for text in ("a b c d", "a x")]  # "c d", then nothing
    found = free_slices(metric("rouge1"), slices_of(samples, (0, 2)), panel("u"))
    assert [one.value for one in found] == pytest.approx([75, 50])


def test_nll_goes_where_a_model_token_ends():
    # slice tokens:  "ab" 0–2, "," 2–3, "cd" 4–6 | "..." are three of them, 7–10 | "e" 11–12
    reference = "ab, cd ... e \n"
    # model tokens: "a" "b," " c" "d" " ..." " e" and the white space after it
    ends = [1, 3, 5, 6, 10, 12, 14]
    logprobs = [-1.0, -2.0, -4.0, -8.0, -16.0, -32.0, -64.0]
    found = nll_by_slice(reference, logprobs, ends, STARTS)
    assert found.nll == (15.0, 16.0, 96.0)  # "b," ends in ","; " ..." in the third dot
    assert found.slice_tokens == (3, 3, 1)
    assert found.model_tokens == (4, 1, 2)
    assert found.positions == (1.0, 4.0, 6.0)
    assert found.mean == pytest.approx(127 / 7)


def test_a_token_that_ends_in_white_space_counts_for_the_next_word():
    found = nll_by_slice("a b c d", [-1.0, -2.0, -4.0], [5, 6, 7], STARTS)  # "a b c", " ", "d"
    assert found.nll == (1.0, 6.0, 0.0)


def test_a_reference_without_words_keeps_its_nll_in_the_first_slice():
    found = nll_by_slice("\n", [-1.0], [1], STARTS)
    assert (found.nll, found.slice_tokens) == ((1.0, 0.0, 0.0), (0, 0, 0))
    assert found.mean is None


@pytest.mark.parametrize(
    ("logprobs", "ends", "expected"),
    [
        ([-1.0], [1, 2], "1 logprobs for 2 ends; expected one a token"),
        ([-1.0, -1.0], [2, 1], "expected rising offsets up to 3"),
        ([-1.0], [4], "expected rising offsets up to 3"),
    ],
)
def test_impossible_offsets_are_refused(logprobs, ends, expected):
    with pytest.raises(ValueError, match=expected):
        nll_by_slice("a b", logprobs, ends, STARTS)


@given(st.text(alphabet="ab ,\n", max_size=40), st.data())
def test_no_nll_is_lost(text, data):
    cuts = data.draw(st.sets(st.integers(1, max(len(text), 1))))
    ends = sorted(end for end in cuts if end <= len(text))
    logprobs = [-float(at + 1) for at in range(len(ends))]
    found = nll_by_slice(text, logprobs, ends, STARTS)
    assert sum(found.nll) == pytest.approx(-sum(logprobs))
    assert sum(found.model_tokens) == len(ends)
    assert sum(found.slice_tokens) == len(slice_tokens(text))


def row(nll, tokens=(3, 3, 2), model=(4, 4, 2)):
    positions = (1.0, 4.0, 6.5)
    return SliceNll(nll=tuple(nll), slice_tokens=tokens, model_tokens=model, positions=positions)


def test_mean_nll_by_hand():
    rows = [row((3, 6, 8)), row((9, 3, 0), (3, 1, 0), (3, 3, 0))]
    found = likelihood_scores(rows, STARTS, panel("ab"))
    assert found["0-3"].value == pytest.approx(12 / 6)
    assert found["3-6"].value == pytest.approx(9 / 4)  # per token, not the mean of 2 and 3
    assert found["3-6"].each == pytest.approx((2, 3))
    assert found["6+"].each == (4, None)
    assert found["all"].value == pytest.approx(29 / 12)
    by_model = likelihood_scores(rows, STARTS, panel("ab"), "model token")
    assert by_model["3-6"].value == pytest.approx(9 / 7)
    alone = likelihood_scores([row((9, 0, 0), (3, 0, 0))], STARTS, panel("a"))
    assert alone["6+"].missing == "no reference has a token in slice 6+"


def test_drift_of_a_constructed_decay():
    # NLL per token 1, 1.3, 1.55 at positions 1, 4, 6.5: a line of slope .1, 10 per 100 tokens
    rows = [row((3, 3.9, 3.1)) for _ in range(4)]
    found = likelihood_drift(rows, STARTS, panel("abcd"))
    assert found.value == pytest.approx(10)
    assert (found.low, found.high) == pytest.approx((10, 10))
    assert found.each == pytest.approx((10,) * 4)


def test_signatures_name_the_starts_of_slices():
    rows, users = [row((3, 3.9, 3.1))] * 2, ["a", "b"]
    slope = likelihood_drift(rows, STARTS, panel(users))
    assert slope.signature == (
        r"drift|per:100 tokens|nll|nats per slice token|slices:\w+|[^\w\s]|from:0,3,6"
    )
    # a slice's own name has its ends; the whole text has none
    found = likelihood_scores(rows, STARTS, panel(users))
    for name in ("all", "0-3"):
        signature = rf"nll|nats per slice token|slice:{name}|slices:\w+|[^\w\s]"
        assert found[name].signature == signature


def test_drift_leaves_out_examples_that_lack_a_slice():
    short = row((300, 0, 0), (3, 0, 0))
    found = likelihood_drift([short, *[row((3, 3.9, 3.1))] * 2], STARTS, panel("abc"))
    assert found.value == pytest.approx(10)
    assert found.each[0] is None
    nobody = likelihood_drift([short], STARTS, panel("a"))
    assert (nobody.value, nobody.missing) == (None, "no reference reaches every slice")
    assert likelihood_drift([], STARTS, panel("")).missing == "no reference reaches every slice"


def test_drift_relative_to_the_base_model_removes_the_effect_of_endings():
    own, base = [row((3, 3.9, 3.1))] * 3, [row((6, 6.9, 5.1))] * 3  # everywhere 1 a token less
    found = likelihood_drift(relative(own, base), STARTS, panel("abc"))
    assert found.value == pytest.approx(0, abs=1e-12)
    assert relative(own, base)[0].nll == pytest.approx((-3, -3, -2))  # more likely: below 0
    # an evenly better model has no drift beside the backbone, though both drift
    assert likelihood_drift(base, STARTS, panel("abc")).value == pytest.approx(10)
    with pytest.raises(ValueError, match="expected the same reference"):
        relative(own, [row((1, 1, 1), (3, 3, 1))] * 3)


def test_drift_has_an_interval_over_users():
    rng = np.random.default_rng(1)
    rows = [row(np.array((3, 3.9, 3.1)) + rng.normal(0, 0.3, 3)) for _ in range(40)]
    found = likelihood_drift(rows, STARTS, panel(f"u{at // 2}" for at in range(40)))
    assert found.low < 10 < found.high
    assert found.high - found.low < 10


def test_mean_positions_by_hand():
    assert mean_positions("a b c d e f g h", STARTS) == [1, 4, 6.5]  # 0–2, 3–5, 6–7
    assert mean_positions("a b", STARTS) == [0.5, 3, 6]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([[1.0]], "a slope needs two slices"), ([[1.0, 0.0]], "no reference reaches every slice")],
)
def test_a_missing_slope_has_a_reason(weights, expected):
    table = np.array(weights)
    found = drift(slope_rows(table, table, table), panel("a"), "x")
    assert (found.value, found.missing) == (None, expected)


def test_the_summary_is_the_records_entry():
    rows = [row((3, 3.9, 3.1)), row((3, 3.9, 3.1)), row((300, 0, 0), (3, 0, 0), (3, 0, 0))]
    found = likelihood_summary(rows, STARTS, panel("abc", 100))
    assert found.value == pytest.approx(320 / 19)
    assert [one.slice for one in found.slices] == ["0-3", "3-6", "6+"]
    assert [one.examples for one in found.slices] == [3, 2, 2]
    assert found.slices[1].per_model_token == pytest.approx(3.9 / 4)
    assert found.drift.value == pytest.approx(10)
    assert found.drift.examples == 2


def test_texts_are_cut_once_for_all_metrics(monkeypatch):
    read = []
    real = slices.slice_tokens
    monkeypatch.setattr(slices, "slice_tokens", lambda text: read.append(text) or real(text))
    assert slices.cut("one two, three", (0, 2, 3)) == ["one two", ",", "three"]
    assert read == ["one two, three"]
