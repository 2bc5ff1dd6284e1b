"""Prompts within budgets, counted in words and punctuation marks: check each number by eye."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING, PromptWriter
from harness.data.cut import Offsets
from harness.settings import BudgetSettings, RetrievalSettings
from harness.types import Cut, Example
from tests.support.task_rows import words

# '"s" is a summary for "a b c." ' counts 3 + 4 + 1 + 4 + 1 = 13; ', and ' counts 2
ENTRY = '"s" is a summary for "{}" '
FORM = 9  # an entry without its content
JOIN = 2


def writer(profile: int = 512, text: int = 96, k: int | None = None) -> PromptWriter:
    budget = BudgetSettings(profile=profile, input=text)
    return PromptWriter(TOPIC_WRITING, RetrievalSettings(ranking="recency", k=k), budget, words)


def example(*contents: str, text: str = 'Write "x".') -> Example:
    profile = tuple({"summary": "s", "content": content} for content in reversed(contents))
    return Example("t-1", "u", "topic_writing", text, profile)


THREE = example("a b c.", "d e f.", "g h i.")  # in ranked order; 13 tokens each
ENDING = '. Following the given patterns, Write "x".'


def joined(*contents: str) -> str:
    return ", and ".join(ENTRY.format(content) for content in contents)


FITTING = {
    "all three": (43, ("a b c.", "d e f.", "g h i."), Cut()),
    "one token short: the last is dropped": (42, ("a b c.", "d e f."), Cut(entries=1)),
    "two exactly": (28, ("a b c.", "d e f."), Cut(entries=1)),
    "one": (27, ("a b c.",), Cut(entries=2)),
    "one exactly": (13, ("a b c.",), Cut(entries=2)),
    "not even one: its text is cut": (11, ("a b",), Cut(entries=2, tokens=2)),
}


@pytest.mark.parametrize(("budget", "kept", "cut"), FITTING.values(), ids=FITTING.keys())
def test_whole_entries_are_dropped_before_one_is_cut(budget: int, kept: tuple[str, ...], cut: Cut):
    prompt = writer(profile=budget).write(THREE)
    assert prompt.views == {"main": joined(*kept) + ENDING}
    assert (prompt.cut, prompt.example_id) == (cut, "t-1")


def test_a_shortened_entry_ends_with_a_sentence_and_keeps_its_form():
    shown = example("One two. Three four five six.")
    prompt = writer(profile=FORM + 5).write(shown)
    assert prompt.views["main"] == joined("One two.") + ENDING
    assert prompt.cut == Cut(tokens=5)  # Three four five six .


def test_an_entry_whose_form_is_too_long_loses_its_end():
    prompt = writer(profile=5).write(THREE)
    assert prompt.views["main"] == '"s" is a' + ENDING
    assert prompt.cut == Cut(entries=2, tokens=8)


def test_a_shorter_entry_never_replaces_a_better_one():
    shown = example("a b c.", " ".join("long" for _ in range(50)), "g.")
    prompt = writer(profile=40).write(shown)
    assert prompt.views["main"] == joined("a b c.") + ENDING
    assert prompt.cut == Cut(entries=2)


def test_entries_beyond_k_are_not_counted_as_cut():
    prompt = writer(profile=13, k=2).write(THREE)
    assert prompt.views["main"] == joined("a b c.") + ENDING
    assert prompt.cut == Cut(entries=1)


def test_the_input_has_its_own_budget():
    prompt = writer(text=6).write(example("a b c.", text='Write "one two three".'))
    assert prompt.views["main"].endswith('patterns, Write "one two".')
    assert prompt.cut == Cut(tokens=1)
    assert not prompt.cut.entries


@pytest.mark.parametrize("case", ["profile=False", "empty", "no token fits"])
def test_without_a_profile_the_prompt_is_the_input_alone(case: str):
    if case == "no token fits":  # tokens without characters
        budget = BudgetSettings(profile=1)
        empty_tokens = PromptWriter(
            TOPIC_WRITING, RetrievalSettings(), budget, lambda text: [(0, 0)] * 2 * len(text)
        )
        prompt = empty_tokens.write(Example("t", "u", "t", "", THREE.profile))
        assert (prompt.views["main"], prompt.cut) == ("", Cut(entries=3))
    elif case == "empty":
        assert writer().write(example()).views["main"] == 'Write "x".'
    else:
        prompt = writer(profile=13).write(THREE, profile=False)
        assert (prompt.views["main"], prompt.cut) == ('Write "x".', Cut())


def test_text_joins_entries_without_budgets():
    assert writer(profile=1).text(THREE.profile[::-1], "X") == (
        joined("a b c.", "d e f.", "g h i.") + ". Following the given patterns, X"
    )


def test_reviews_and_abstracts_are_cut_in_their_long_field():
    paper = {"title": "On A", "abstract": "We show A. We prove B.", "id": "", "year": ""}
    budget = BudgetSettings(profile=16)
    shown = Example("a", "u", "abstract_generation", "X", (paper,))
    prompt = PromptWriter(ABSTRACT_GENERATION, RetrievalSettings(), budget, words).write(shown)
    assert prompt.views["main"].startswith('"We show A." is the abstract for the title "On A". Use')
    entry = {"overall": "5", "description": "d", "summary": "s", "reviewText": "One. Two three."}
    shown = Example("p", "u", "product_review", "X", (entry,))
    budget = BudgetSettings(profile=26)
    prompt = PromptWriter(PRODUCT_REVIEW, RetrievalSettings(), budget, words).write(shown)
    assert '"s" is summary for "One." . Following the given patterns X' in prompt.views["main"]


@pytest.mark.parametrize("gap", ["  ", "\n", " \n\n\t "])
def test_an_abstract_is_cut_as_it_is_shown(gap: str):
    def prompt(gap: str):
        text = " ".join(f"We show{number}." for number in range(99))
        paper = {"title": "On A", "abstract": text.replace(" ", gap), "id": "", "year": ""}
        shown = Example("a", "u", "abstract_generation", "X", (paper,))
        budget = BudgetSettings(profile=160)
        return PromptWriter(ABSTRACT_GENERATION, RetrievalSettings(), budget, tokens).write(shown)

    def tokens(text: str) -> list[tuple[int, int]]:  # each blank is one too
        return sorted([*words(text), *(one.span() for one in re.finditer(r"\s", text))])

    assert prompt(gap) == prompt(" ")
    kept, _, _ = prompt(gap).views["main"].partition(". Use the above")
    assert 155 <= len(tokens(kept)) <= 160


CONTENTS = st.lists(st.text("ab. \n", max_size=30), max_size=6)


@given(CONTENTS, st.integers(1, 120), st.integers(1, 20))
def test_prompts_keep_their_budgets_and_the_ranking(contents: list[str], profile: int, text: int):
    shown = example(*contents, text='Write of "a b c d e f g h" with 1. a 2. b 3. c')
    prompts = writer(profile, text)
    prompt = prompts.write(shown)
    head, mark, tail = prompt.views["main"].rpartition(TOPIC_WRITING.instruction)
    assert len(words(tail if mark else prompt.views["main"])) <= text
    assert len(words(head)) <= profile
    assert prompt == prompts.write(shown) == writer(profile, text).write(shown)
    kept = len(contents) - prompt.cut.entries
    if kept > 1 or not prompt.cut.tokens:
        assert head == joined(*contents[:kept])
    assert prompt.cut.entries == 0 or len(words(joined(*contents[: kept + 1]))) > profile


def fours(text: str) -> list[tuple[int, int]]:
    """Four characters per token: a joined text has fewer tokens than its parts."""
    return [(start, min(start + 4, len(text))) for start in range(0, len(text), 4)]


def costly_joins(text: str) -> list[tuple[int, int]]:
    """Words, and five more tokens at each join: a joined text has more tokens than its parts."""
    return words(text) + [(len(text), len(text))] * 5 * text.count(" , and ")


@pytest.mark.parametrize(
    ("offsets", "budget", "kept"),
    [
        (fours, 26, 3),  # 102 characters joined; separately 8·3 + 2·2
        (fours, 25, 2),
        (costly_joins, 53, 3),  # 13·3 + 2·2 + 2·5
        (costly_joins, 52, 2),
    ],
)
def test_the_joined_text_is_what_counts(offsets: Offsets, budget: int, kept: int):
    settings = BudgetSettings(profile=budget)
    prompts = PromptWriter(TOPIC_WRITING, RetrievalSettings(ranking="recency"), settings, offsets)
    assert prompts.write(THREE).cut == Cut(entries=3 - kept)


def test_each_text_is_tokenized_once():
    seen: list[str] = []

    def counting(text: str) -> list[tuple[int, int]]:
        seen.append(text)
        return words(text)

    prompts = PromptWriter(TOPIC_WRITING, RetrievalSettings(), BudgetSettings(), counting)
    prompts.write(THREE)
    prompts.write(THREE)
    assert len(seen) == len(set(seen)) == 6  # the input, ", and ", three entries, all joined
