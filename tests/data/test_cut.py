"""Shortening: at a sentence end, else a word end, else a token end; never above the budget."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.cut import Cutter, byte_offsets, token_offsets
from harness.engine.text import plain_ids
from harness.errors import UsageError
from tests.support.task_rows import words


def characters(text: str) -> list[tuple[int, int]]:
    return [(index, index + 1) for index in range(len(text))]


@pytest.fixture(scope="module")
def byte_tokenizer() -> Any:
    """A byte-level BPE like Qwen2's and SmolLM2's: one emoji may be many tokens."""
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["the pot pours well and the tea stays warm. " * 20], 300)
    bpe.add_special_tokens(["<s>"])
    start = ("<s>", bpe.token_to_id("<s>"))
    bpe._tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[start])
    return PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token="<s>")


SHORT = {  # words and punctuation marks are tokens
    "at a sentence end": ("One two. Three four five.", 5, "One two."),
    "at the last sentence end": ("One. Two. Three four.", 5, "One. Two."),
    "a decimal point ends no sentence": ("Rated 4.5 stars by all.", 4, "Rated 4.5"),
    "closing quotes belong to the sentence": ('He said "no." Then left.', 6, 'He said "no."'),
    "a line break ends a sentence": ("A title\nthen text goes on", 4, "A title"),
    "an ideographic stop": ("茶は 熱い。とても 熱い。", 5, "茶は 熱い。"),
    "a question in Arabic": ("هل هذا شاي؟ نعم هذا شاي", 5, "هل هذا شاي؟"),
    "a danda": ("Cai accha hai। Bahut garam hai।", 6, "Cai accha hai।"),
    "a danda without a space": ("Cai hai।Bahut garam hai", 5, "Cai hai।"),
    "a Burmese stop": ("က ခ။ ဂ ဃ င", 4, "က ခ။"),
    "an Ethiopic stop": ("ሻይ ነው። በጣም ሙቅ ነው", 5, "ሻይ ነው።"),
    "else at a word end": ("One two three four.", 2, "One two"),
    "a sentence end that keeps a quarter": ("Hi! two three", 3, "Hi!"),
    "none that keeps less": (
        "Hi! two three four five six seven eight",
        7,
        "Hi! two three four five six",
    ),
    "unchanged if it fits": ("One two.", 3, "One two."),
    "empty if no token fits": ("One", 0, ""),
}


@pytest.mark.parametrize(("text", "budget", "kept"), SHORT.values(), ids=SHORT.keys())
def test_where_a_text_is_cut(text: str, budget: int, kept: str):
    assert Cutter(words).shorten(text, budget) == kept


def test_without_a_word_end_the_cut_is_at_a_token_end():
    assert Cutter(characters).shorten("abcdef", 4) == "abcd"
    assert Cutter(characters).shorten("ab cdef", 4) == "ab"


def test_a_word_end_that_keeps_less_than_a_quarter_does_not_count():
    assert Cutter(characters).shorten("茶 " + "長" * 20, 8) == "茶 " + "長" * 6
    assert Cutter(characters).shorten("茶 " + "長" * 20, 4) == "茶"  # one of four


def test_the_text_around_a_part_counts():
    # the brackets are tokens: two of four remain for the part
    assert Cutter(words).shorten("one two three", 4, lambda part: f"[{part}]") == "one two"
    # "Hi!" is a sixth of "Hi! two three four", but with the request more than a quarter
    request = "a request of six words is: "
    assert Cutter(words).shorten("Hi! two three four five", 12, request.__add__) == "Hi!"
    assert Cutter(words).shorten("Hi! two three four five", 5) == "Hi! two three four"


INPUTS = {
    "unchanged": ('Write of "pot one".', 7, 'Write of "pot one".'),
    "the longest quote": ('Of "a" and "one two three four".', 9, 'Of "a" and "one".'),
    "a sentence inside it": ('Of "One two. Three four five".', 8, 'Of "One two.".'),
    "not enough: the end is cut off": ('Of "a b" please do write it now', 3, 'Of "a'),
    "nothing quoted": ("Please write. Now and long", 4, "Please write."),
    "inches are not quotes": ('A 12" pot and a 13" pan to review', 5, 'A 12" pot and'),
}


@pytest.mark.parametrize(("text", "budget", "kept"), INPUTS.values(), ids=INPUTS.keys())
def test_an_input_keeps_its_form(text: str, budget: int, kept: str):
    assert Cutter(words).shorten_input(text, budget) == kept


TEXTS = st.text(alphabet='ab .!\n"ßé👩🏽‍👧ש\u3002', max_size=60)


@settings(max_examples=200)
@given(TEXTS, st.integers(1, 30))
def test_a_cut_text_is_an_opening_within_the_budget(byte_tokenizer: Any, text: str, budget: int):
    cutter = Cutter(token_offsets(byte_tokenizer))
    kept = cutter.shorten(text, budget)
    assert text.startswith(kept)
    assert cutter.count(kept) <= budget
    assert cutter.count(cutter.shorten_input(text, budget)) <= budget


def test_offsets_exclude_special_tokens(byte_tokenizer: Any):
    offsets = token_offsets(byte_tokenizer)
    assert byte_tokenizer.decode(byte_tokenizer("a pot")["input_ids"]) == "<s>a pot"
    assert ["a pot"[start:end] for start, end in offsets("a pot")] == ["a", " pot"]
    assert len(offsets("é" * 9)) == 18  # two bytes each, none merged in training


def test_special_tokens_in_a_text_count_as_the_characters_that_a_prompt_has(byte_tokenizer: Any):
    text = "a <s> pot<s>"
    assert len(token_offsets(byte_tokenizer)(text)) == len(plain_ids(byte_tokenizer, text)) > 6


def test_a_long_text_is_cut_quickly(byte_tokenizer: Any):
    import time

    cutter = Cutter(token_offsets(byte_tokenizer))
    start = time.perf_counter()
    kept = cutter.shorten("the pot pours well and stays warm. " * 3000, 100)
    assert kept.endswith("warm.")
    assert 80 <= cutter.count(kept) <= 100
    assert time.perf_counter() - start < 5


def test_a_slow_tokenizer_is_refused():
    with pytest.raises(UsageError, match="object gives no offsets; expected a fast tokenizer"):
        token_offsets(object())


@pytest.mark.parametrize("character", ["a", "é", "我", "🫖"])  # one to four bytes
@pytest.mark.parametrize("length", range(9))
def test_without_a_tokenizer_every_four_bytes_are_a_token(character: str, length: int):
    text = "é" * (length % 2) + character * length
    offsets = byte_offsets(text)
    assert len(offsets) == math.ceil(len(text.encode()) / 4)
    assert "".join(text[start:end] for start, end in offsets) == text
