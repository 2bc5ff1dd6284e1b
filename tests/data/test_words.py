"""Words by place, in scripts with and without spaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.words import has_unspaced, joined, word_spans, words

UNSPACED = {
    "chinese": ("我爱 NLP。好，", ["我", "爱", "NLP。", "好，"]),
    "chinese beside latin": ("用Python3写的", ["用", "Python3", "写", "的"]),
    "japanese": ("コーヒーを", ["コ", "ー", "ヒ", "ー", "を"]),
    "thai marks": ("ที่นี่ ok", ["ที่", "นี่", "ok"]),
}
SPACED = "aé ,.'ʼˇ한дא1\n\t\x1c\u00a0\u2009\u3000😀\u0301क्"


@pytest.mark.parametrize(("text", "found"), UNSPACED.values(), ids=UNSPACED.keys())
def test_a_letter_of_a_script_without_spaces_is_a_word(text: str, found: list[str]):
    assert words(text) == found
    assert has_unspaced(text)


@given(st.text(alphabet=SPACED, max_size=40))
def test_words_of_a_text_with_spaces_are_those_of_split(text: str):
    assert words(text) == text.split()
    assert joined(words(text)) == " ".join(text.split())
    assert not has_unspaced(text)


@given(st.text(alphabet=SPACED + "我คี。ー（）", max_size=40))
def test_words_are_all_that_is_no_space(text: str):
    assert "".join(words(text)) == "".join(text.split())
    assert all(start < end for start, end in word_spans(text))


def test_words_are_joined_without_spaces_beside_letters_of_a_script_without_them():
    assert joined(["很", "好", "very", "good", "的"]) == "很好very good的"
    assert joined(["ที่", "นี่"]) == "ที่นี่"
    assert joined(["好，", "（", "我", "！」", "ok"]) == "好，（我！」 ok"
