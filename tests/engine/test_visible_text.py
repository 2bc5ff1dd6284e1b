"""Visible text of generated tokens: stop strings across tokens, reasoning blocks, both."""

import pytest

from harness.engine.ends import ends_of
from harness.engine.visible_text import TextRules, opened_block
from tests.support.chat_templates import THINKING, tokenizer

ADDED = ("<|im_start|>", "<|im_end|>", "<think>!", "</think>")
"""One ordinary tag, one special: models have both."""
TEXTS = {  # generated, text, reasoning, unclosed; without special tokens
    "plain": ("a lamp", "a lamp", "", False),
    "a block first": ("<think>hm</think>\n\na lamp", "a lamp", "<think>hm</think>", False),
    "a block without end": ("<think>hm, a lamp", "", "<think>hm, a lamp", True),
    "a block that began before": ("hm</think>\na lamp", "a lamp", "hm</think>", False),
    "two blocks": (
        "<think>a</think>b<think>c</think>d", "bd", "<think>a</think><think>c</think>", False,
    ),
    "a block within the text": ("a <think>b", "a ", "<think>b", True),
    "another mark": ("a <thought>b</thought>", "a <thought>b</thought>", "", False),
    "an empty block": ("<think>\n\n</think>\n\na lamp", "a lamp", "<think>\n\n</think>", False),
}  # fmt: skip


@pytest.fixture(params=["marks are tokens", "marks are spelled"])
def tok(request):
    return tokenizer(THINKING, ADDED if request.param == "marks are tokens" else ADDED[:2])


def rules(tok, stop=(), strip=("think",), opened=None):
    return TextRules(tok, ends_of(tok, {}, stop), strip, opened)


@pytest.mark.parametrize(("written", "text", "reasoning", "unclosed"), TEXTS.values(), ids=TEXTS)
def test_reasoning_is_hidden_and_counted(tok, written, text, reasoning, unclosed):
    ids = tok(written, add_special_tokens=False)["input_ids"]
    seen = rules(tok).read([*ids, tok.convert_tokens_to_ids("<|im_start|>")])
    assert (seen.text, seen.reasoning, seen.unclosed) == (text, reasoning, unclosed)
    if reasoning:  # the white space between a block and the text is no part of the text
        assert seen.kept == tuple(tok(text, add_special_tokens=False)["input_ids"])
        assert (seen.tokens, seen.reasoning_tokens) == (len(seen.kept), len(ids) - len(seen.kept))
    assert not seen.stopped


def test_without_strip_nothing_is_hidden(tok):
    ids = tok("<think>a", add_special_tokens=False)["input_ids"]
    assert rules(tok, strip=()).read(ids).text == tok.decode(ids)


def test_a_block_opened_by_the_prompt_hides_everything_until_it_closes(tok):
    opened = rules(tok, opened="think")
    for written, text, unclosed in [("hm</think>a", "a", False), ("hm", "", True)]:
        seen = opened.read(tok(written, add_special_tokens=False)["input_ids"])
        assert (seen.text, seen.unclosed) == (text, unclosed)


def test_a_prompt_opens_a_block_if_its_template_leaves_one_open(tok):
    assert opened_block(tok, ("think",)) is None
    tok.chat_template = "{% set opens = true %}" + THINKING
    assert opened_block(tok, ("other", "think")) == "think"
    assert opened_block(tok, ()) is None


def test_a_stop_string_cuts_within_and_across_tokens():
    tok = tokenizer()
    seen = rules(tok, ["é##", "\n\n"]).read(tok("a lampé## more\n\n")["input_ids"])
    assert (seen.text, seen.tokens, seen.stopped) == ("a lamp", 6, True)
    assert seen.kept == tuple(tok("a lamp")["input_ids"])
    assert rules(tok, ["\n\n"]).read(tok("a\n\nb")["input_ids"]).text == "a"


def test_a_stop_string_within_a_block_does_not_stop(tok):
    held = rules(tok, ["##"])
    within = tok("<think>a##b</think>c", add_special_tokens=False)["input_ids"]
    assert not held.stopped(within)
    assert held.read(within).text == "c"
    after = [*within, *tok("d##e")["input_ids"]]
    assert held.stopped(after)
    assert held.read(after).text == "cd"
    assert held.read(after).reasoning == "<think>a##b</think>"


@pytest.mark.parametrize("begin", ["", " \n"])
def test_the_space_between_a_block_and_the_text_does_not_stop(tok, begin):
    held = rules(tok, ["\n\n"])
    ids = tok(f"{begin}<think>hm</think>\n\na lamp\n\nb", add_special_tokens=False)["input_ids"]
    assert not held.stopped(ids[:-6])
    seen = held.read(ids)
    assert (seen.text, seen.reasoning, seen.stopped) == ("a lamp", "<think>hm</think>", True)
