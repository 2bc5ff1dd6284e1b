"""The forced view's arithmetic: windows, scores, drift, by hand."""

import pytest

from harness.metrics import metric
from harness.metrics.forced import forced_scores, window_lengths, window_pair
from harness.metrics.slices import between, up_to
from tests.support.texts import pairs, panel

STARTS = (0, 3, 6)
REFERENCES = ["a b c d e f g h i", "a b c d e f g h i", "a b c d"]
USERS = ["u", "v", "w"]


@pytest.mark.parametrize(
    ("words", "lengths"),
    [
        (450, [100, 100, 100, 100]),  # 300+ holds 150 tokens, its window 100
        (350, [100, 100, 100, 50]),
        (301, [100, 100, 100, 1]),
        (300, [100, 100, 100, 0]),
        (50, [50, 0, 0, 0]),
        (0, [0, 0, 0, 0]),
    ],
)
def test_a_window_ends_with_its_slice_its_text_or_after_100_tokens(words, lengths):
    assert window_lengths("w " * words, (0, 100, 200, 300)) == lengths


def test_a_wide_slice_has_a_window_of_100():
    assert window_lengths("w " * 400, (0, 250)) == [100, 100]
    assert window_lengths("w " * 400, (0, 20)) == [20, 100]


def test_text_up_to_a_token_and_from_it():
    text = " ab, cd\n e"
    assert [up_to(text, at) for at in range(6)] == ["", " ab", " ab,", " ab, cd", text, text]
    assert between(text, 1, 3) == ", cd"
    assert between(text, 3, 8) == "e"
    assert between(text, 4, 9) == ""


def scores(texts, references=REFERENCES, users=USERS, name="rouge1"):
    """A metric of the windows of texts that continue the reference at every slice."""
    windows = [
        [
            window_pair(text, whole, start, length) if length else None
            for text, start, length in zip(
                row, STARTS, window_lengths(whole.reference, STARTS), strict=True
            )
        ]
        for row, whole in zip(texts, pairs(references, references), strict=True)
    ]
    found = forced_scores(metric(name), windows, STARTS, panel(users, 200))
    return found.entry, found.each


def test_a_copy_scores_100_everywhere_and_does_not_drift():
    found, each = scores([[text] * 3 for text in REFERENCES])
    assert (found.value, found.low, found.high) == (100, 100, 100)
    assert [one.value for one in found.slices] == [100, 100, 100]
    assert [one.examples for one in found.slices] == [3, 3, 2]
    assert found.drift.value == pytest.approx(0)
    assert found.drift.examples == 2
    assert each == [[100, 100, 100], [100, 100, 100], [100, 100, None]]
    assert found.signature.endswith(r"|forced:100|slices:\w+|[^\w\s]|from:0,3,6")


def test_a_constructed_decay():
    # ROUGE-1 by slice 100, 2/3, 0 at middles 1, 4, 7: least squares (0 − 100)/6 a token
    decaying = ["a b c", "a b c d x f g", "a b c d e f x y z"]
    found, each = scores([decaying, decaying, ["a b c d"] * 3])
    assert each[0] == pytest.approx([100, 200 / 3, 0])
    assert found.drift.value == pytest.approx(100 * -100 / 6)
    # the third text's slices hold 100, 100: two of three thirds more
    assert [one.value for one in found.slices] == pytest.approx([100, 700 / 9, 0])
    assert found.value == pytest.approx((3 * 100 + 2 * 200 / 3 + 100) / 8)


def test_an_empty_window_is_a_score():
    found, each = scores([["", "", ""], ["a b c", "", ""], ["", "", ""]])
    assert found.value == pytest.approx(100 / 8)
    assert each[0] == [0, 0, 0]


def test_no_reference_in_a_slice_is_null():
    found, _ = scores([["a b c d"] * 3], ["a b c d"], ["u"])
    last = found.slices[2]
    assert (last.slice, last.start, last.examples, last.value) == ("6+", 6, 0, None)
    assert found.drift.missing == "no reference reaches every slice"


def test_bleu_drifts_by_its_value_over_all_windows_not_by_a_mean_of_sentences():
    references = ["a b c d e f g h i j k l"] * 2
    right, wrong = references[0], "a b c d e f g h x j k y"
    starts = (0, 4)
    windows = [
        [window_pair(text, whole, start, 4) for start in starts]
        for text, whole in zip((right, wrong), pairs(references, references), strict=True)
    ]
    windows[1][1] = window_pair("a b c d e f x h", pairs(references, references)[1], 4, 4)
    found = forced_scores(metric("bleu"), windows, starts, panel("uv", 200))
    first, last = (one.value for one in found.entry.slices)
    # slices of 4 tokens, middles 1.5 and 5.5: the slope is the difference over 4 tokens
    assert first == pytest.approx(100)
    assert found.entry.drift.value == pytest.approx(100 * (last - first) / 4)
    means = [sum(row[at] for row in found.each) / 2 for at in (0, 1)]
    assert found.entry.drift.value != pytest.approx(100 * (means[1] - means[0]) / 4)
