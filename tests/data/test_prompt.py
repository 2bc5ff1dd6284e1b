"""Prompts under budgets, counted in words and marks: every number can be checked by eye."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING, PromptWriter
from harness.data.cut import Offsets
from harness.settings import BudgetSettings, RetrievalSettings
from harness.types import Cut, Example

from .conftest import words

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
    "one token short: the last goes": (42, ("a b c.", "d e f."), Cut(entries=1)),
    "two exactly": (28, ("a b c.", "d e f."), Cut(entries=1)),
    "one": (27, ("a b c.",), Cut(entries=2)),
    "one exactly": (13, ("a b c.",), Cut(entries=2)),
    "not one: its text is cut": (11, ("a b",), Cut(entries=2, tokens=2)),
}


@pytest.mark.parametrize(("budget", "kept", "cut"), FITTING.values(), ids=FITTING.keys())
def test_whole_entries_go_before_one_is_cut(budget: int, kept: tuple[str, ...], cut: Cut):
    prompt = writer(profile=budget).write(THREE)
    assert prompt.views == {"main": joined(*kept) + ENDING}
    assert (prompt.cut, prompt.example_id) == (cut, "t-1")


def test_an_entry_that_is_cut_ends_with_a_sentence_and_keeps_its_form():
    asked = example("One two. Three four five six.")
    prompt = writer(profile=FORM + 5).write(asked)
    assert prompt.views["main"] == joined("One two.") + ENDING
    assert prompt.cut == Cut(tokens=5)  # Three four five six .


def test_where_even_its_form_is_too_long_the_entry_loses_its_end():
    prompt = writer(profile=5).write(THREE)
    assert prompt.views["main"] == '"s" is a' + ENDING
    assert prompt.cut == Cut(entries=2, tokens=8)


def test_a_later_entry_that_would_fit_is_not_taken_before_a_better_one():
    asked = example("a b c.", " ".join("long" for _ in range(50)), "g.")
    prompt = writer(profile=40).write(asked)
    assert prompt.views["main"] == joined("a b c.") + ENDING
    assert prompt.cut == Cut(entries=2)


def test_entries_beyond_k_are_not_cut_by_the_budget():
    prompt = writer(profile=13, k=2).write(THREE)
    assert prompt.views["main"] == joined("a b c.") + ENDING
    assert prompt.cut == Cut(entries=1)


def test_the_input_has_its_own_budget():
    prompt = writer(text=6).write(example("a b c.", text='Write "one two three".'))
    assert prompt.views["main"].endswith('patterns, Write "one two".')
    assert prompt.cut == Cut(tokens=1)
    assert not prompt.cut.entries


@pytest.mark.parametrize("way", ["asked for", "empty", "no token fits"])
def test_without_a_profile_the_prompt_is_the_input_alone(way: str):
    if way == "no token fits":  # a token of the first character is no text
        budget = BudgetSettings(profile=1)
        pairs = PromptWriter(
            TOPIC_WRITING, RetrievalSettings(), budget, lambda text: [(0, 0)] * 2 * len(text)
        )
        prompt = pairs.write(Example("t", "u", "t", "", THREE.profile))
        assert (prompt.views["main"], prompt.cut) == ("", Cut(entries=3))
    elif way == "empty":
        assert writer().write(example()).views["main"] == 'Write "x".'
    else:
        prompt = writer(profile=13).write(THREE, profile=False)
        assert (prompt.views["main"], prompt.cut) == ('Write "x".', Cut())


def test_text_joins_given_entries_outside_budgets():
    assert writer(profile=1).text(THREE.profile[::-1], "X") == (
        joined("a b c.", "d e f.", "g h i.") + ". Following the given patterns, X"
    )


def test_review_and_abstract_are_cut_in_their_long_text():
    paper = {"title": "On A", "abstract": "We show A. We prove B.", "id": "", "year": ""}
    budget = BudgetSettings(profile=16)
    asked = Example("a", "u", "abstract_generation", "X", (paper,))
    prompt = PromptWriter(ABSTRACT_GENERATION, RetrievalSettings(), budget, words).write(asked)
    assert prompt.views["main"].startswith('"We show A." is the abstract for the title "On A". Use')
    entry = {"overall": "5", "description": "d", "summary": "s", "reviewText": "One. Two three."}
    asked = Example("p", "u", "product_review", "X", (entry,))
    budget = BudgetSettings(profile=26)
    prompt = PromptWriter(PRODUCT_REVIEW, RetrievalSettings(), budget, words).write(asked)
    assert '"s" is summary for "One." . Following the given patterns X' in prompt.views["main"]


CONTENTS = st.lists(st.text("ab. \n", max_size=30), max_size=6)


@given(CONTENTS, st.integers(1, 120), st.integers(1, 20))
def test_budgets_hold_and_the_ranking_is_kept(contents: list[str], profile: int, text: int):
    asked = example(*contents, text='Write of "a b c d e f g h" with 1. a 2. b 3. c')
    made = writer(profile, text)
    prompt = made.write(asked)
    head, mark, tail = prompt.views["main"].rpartition(TOPIC_WRITING.instruction)
    assert len(words(tail if mark else prompt.views["main"])) <= text
    assert len(words(head)) <= profile
    assert prompt == made.write(asked) == writer(profile, text).write(asked)
    kept = len(contents) - prompt.cut.entries
    if kept > 1 or not prompt.cut.tokens:
        assert head == joined(*contents[:kept])
    assert prompt.cut.entries == 0 or len(words(joined(*contents[: kept + 1]))) > profile


def fours(text: str) -> list[tuple[int, int]]:
    """Four characters a token: a joined text counts less than its parts."""
    return [(start, min(start + 4, len(text))) for start in range(0, len(text), 4)]


def dear_joins(text: str) -> list[tuple[int, int]]:
    """Words, and five tokens more where entries meet: a joined text counts more than its parts."""
    return words(text) + [(len(text), len(text))] * 5 * text.count(" , and ")


@pytest.mark.parametrize(
    ("offsets", "budget", "kept"),
    [
        (fours, 26, 3),  # 102 characters joined; apart 8·3 + 2·2
        (fours, 25, 2),
        (dear_joins, 53, 3),  # 13·3 + 2·2 + 2·5
        (dear_joins, 52, 2),
    ],
)
def test_what_counts_is_the_joined_text(offsets: Offsets, budget: int, kept: int):
    settings = BudgetSettings(profile=budget)
    made = PromptWriter(TOPIC_WRITING, RetrievalSettings(ranking="recency"), settings, offsets)
    assert made.write(THREE).cut == Cut(entries=3 - kept)


def test_each_text_is_tokenised_once():
    seen: list[str] = []

    def counting(text: str) -> list[tuple[int, int]]:
        seen.append(text)
        return words(text)

    made = PromptWriter(TOPIC_WRITING, RetrievalSettings(), BudgetSettings(), counting)
    made.write(THREE)
    made.write(THREE)
    assert len(seen) == len(set(seen)) == 6  # the input, ", and ", three entries, all joined
