"""Rankings of one profile, compared with rank_bm25 and with results worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from harness.data import ABSTRACT_GENERATION, TOPIC_WRITING, PromptWriter
from harness.data.retrieval import bm25_order, random_order, ranking, recency_order
from harness.errors import UsageError
from harness.settings import BudgetSettings, RetrievalSettings
from harness.types import Example
from tests.support.task_rows import words


def example(*contents: str, text: str = "tea cups", name: str = "t-1") -> Example:
    profile = tuple({"summary": "s", "content": content} for content in contents)
    return Example(name, "u", "topic_writing", text, profile)


def test_bm25_ranks_the_best_match_first_and_ties_in_profile_order():
    found = bm25_order(TOPIC_WRITING, example("none", "nil", "tea cups here", "of tea", "zero"))
    assert found == [2, 3, 0, 1, 4]


TOKENS = st.lists(st.sampled_from(["tea", "cup", "pot", "Tea"]), max_size=6).map(" ".join)


@given(st.lists(TOKENS, min_size=1, max_size=7), TOKENS)
def test_bm25_agrees_with_rank_bm25(contents: list[str], query: str):
    scores = BM25Okapi([f"s {content}".split() for content in contents]).get_scores(query.split())
    order = bm25_order(TOPIC_WRITING, example(*contents, text=query))
    assert sorted(order) == list(range(len(contents)))
    keys = [(-scores[index], index) for index in order]
    assert keys == sorted(keys)


def test_an_abstracts_query_excludes_its_items():
    profile = (
        {"title": "", "abstract": "graph graph", "id": "", "year": ""},
        {"title": "", "abstract": "kernel", "id": "", "year": ""},
        {"title": "", "abstract": "none", "id": "", "year": ""},
    )
    text = 'the title "on kernel methods" using items: 1. graph 2. graph'
    query = Example("a-1", "u", "abstract_generation", text, profile)
    assert bm25_order(ABSTRACT_GENERATION, query) == [1, 0, 2]


def test_profiles_without_words_keep_their_order():
    empty = Example("t", "u", "topic_writing", "x", ({"summary": "", "content": " "},) * 3)
    assert bm25_order(TOPIC_WRITING, empty) == [0, 1, 2]
    assert bm25_order(TOPIC_WRITING, example()) == []
    assert bm25_order(TOPIC_WRITING, example("tea", text=" ")) == [0]


def test_recency_ranks_the_last_entry_first():
    assert recency_order(example("a", "b", "c")) == [2, 1, 0]


def test_a_random_order_depends_on_the_example_id_alone():
    first, second = example(*"abcdefgh", text="x"), example(*"ABCDEFGH", text="y")
    assert random_order(first) == random_order(second)
    assert sorted(random_order(first)) == list(range(8))
    others = {tuple(random_order(example(*"abcdefgh", name=f"t-{n}"))) for n in range(20)}
    assert len(others) > 15
    assert random_order(first) == [1, 3, 0, 7, 5, 2, 6, 4]  # drift alarm


@pytest.mark.parametrize(
    ("name", "order"), [("bm25", [1, 0]), ("recency", [2, 1]), ("random", None)]
)
def test_settings_choose_the_ranking_and_cut_it_at_k(name: str, order: list[int] | None):
    query = example("a", "tea cups", "c")
    found = ranking(TOPIC_WRITING, RetrievalSettings(ranking=name, k=2))(query).order
    assert found == (order or random_order(query)[:2])


@pytest.mark.parametrize(
    ("contents", "text", "tied"),
    [
        (("tea", "cups"), "tea", True),  # two entries: a word of one has idf log(1.5 / 1.5) = 0
        (("tea", "cups", "pots"), "tea", False),
        (("tea", "cups", "pots"), "milk", True),  # no entry has the word
        (("今天喝茶", "今天喝水", "买了杯子"), "喝茶", True),  # no spaces, so no word in common
        ((" ", " "), "tea", True),
        (("tea",), "tea", False),  # one entry needs no ranking
        ((), "tea", False),
    ],
)
def test_equal_scores_are_reported_as_tied(contents, text, tied):
    query = example(*contents, text=text)
    found = ranking(TOPIC_WRITING, RetrievalSettings())(query)
    assert found.tied is tied
    if tied:
        assert found.order == list(range(len(contents)))
    writer = PromptWriter(TOPIC_WRITING, RetrievalSettings(k=1), BudgetSettings(), words)
    assert writer.write(query).tied is tied  # even if only the best entry is shown
    assert not writer.write(query, profile=False).tied
    recent_first = PromptWriter(
        TOPIC_WRITING, RetrievalSettings(ranking="recency"), BudgetSettings(), words
    )
    assert not recent_first.write(query).tied


def test_dense_without_an_encoder_says_how_to_name_one():
    with pytest.raises(UsageError, match=r"dense needs an encoder: --set retrieval\.dense_model="):
        ranking(TOPIC_WRITING, RetrievalSettings(ranking="dense"))
