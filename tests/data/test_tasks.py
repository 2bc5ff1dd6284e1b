"""Prompt strings of the three tasks, derived by hand from LongLaMP's code."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import pytest

from harness.data import ABSTRACT_GENERATION, PRODUCT_REVIEW, TOPIC_WRITING, Task
from harness.data.content import task_digest
from harness.data.tasks import before_items
from harness.errors import UsageError
from harness.registry import find

REVIEWS = [
    {"overall": "5.0", "description": "A cup", "summary": "Good", "reviewText": "Holds tea."},
    {"overall": "2", "description": "A pan", "summary": "Bad {x}", "reviewText": "It {burns}."},
]
PAPERS = [
    {"title": "On A", "abstract": "We  show\nA.", "id": "1", "year": "2020"},
    {"title": "On B", "abstract": "We show B.", "id": "2", "year": "2021"},
]
POSTS = [
    {"summary": "I moved", "content": "Boxes.", "id": "1", "author": "u"},
    {"summary": "I stayed", "content": "No boxes.", "id": "2", "author": "u"},
]
EXACT = [
    (
        PRODUCT_REVIEW,
        REVIEWS,
        '"5.0" is a rating for the product with description "A cup". "Good" is summary for '
        '"Holds tea." , and "2" is a rating for the product with description "A pan". "Bad {x}" '
        'is summary for "It {burns}." . Following the given patterns Write.',
    ),
    (
        ABSTRACT_GENERATION,
        PAPERS,
        '"We show A." is the abstract for the title "On A", and "We show B." is the abstract for '
        'the title "On B". Use the above abstracts as context to understand the style and '
        "language of the user and, Write.",
    ),
    (
        TOPIC_WRITING,
        POSTS,
        '"I moved" is a summary for "Boxes." , and "I stayed" is a summary for "No boxes." '
        ". Following the given patterns, Write.",
    ),
]


@pytest.mark.parametrize(("task", "entries", "text"), EXACT, ids=lambda v: getattr(v, "name", ""))
def test_a_prompt_equals_longlamps_exactly(task: Task, entries: list, text: str):
    assert task.prompt([task.phrase(entry) for entry in entries], "Write.") == text


@pytest.mark.parametrize("task", [PRODUCT_REVIEW, ABSTRACT_GENERATION, TOPIC_WRITING])
def test_without_entries_the_prompt_is_the_input(task: Task):
    assert task.prompt([], "Write.") == "Write."


WRONG_FIELDS = [
    ({"user": "autor"}, "user = 'autor'; expected a field of ReviewRow: id, input, output,"),
    ({"body": "text"}, "body = 'text'; expected a field of its profile's entries: overall,"),
    ({"entry": "{sumary} {reviewText}"}, "entry shows 'sumary'; expected a field of its profile's"),
    ({"document": "{text}"}, "document shows 'text'; expected a field"),
    ({"request": "{text}"}, "request shows 'text'; expected a field"),
    ({"entry": "{} {reviewText}"}, "entry shows ''; expected a field"),
    ({"entry": "{summary.size}"}, "entry shows 'summary.size'; expected a field"),
    ({"document": '"{summary" {reviewText}'}, "document = '\"{summary\" {reviewText}': "),
    ({"document": "{summary:d}"}, "document = '{summary:d}': "),
    ({"document": "{summary} }"}, "document = '{summary} }': "),
]


@pytest.mark.parametrize(("change", "message"), WRONG_FIELDS)
def test_a_task_that_names_what_its_rows_lack_is_refused_where_it_is_made(change, message):
    with pytest.raises(UsageError) as refused:
        replace(PRODUCT_REVIEW, name="mine", **change)
    assert f"task 'mine': {message}" in str(refused.value)


@pytest.mark.parametrize(
    ("task", "entry", "text"),
    [
        (PRODUCT_REVIEW, REVIEWS[0], "5.0 Good A cup Holds tea."),
        (ABSTRACT_GENERATION, PAPERS[1], "On B We show B."),
        (TOPIC_WRITING, POSTS[0], "I moved Boxes."),
    ],
)
def test_retrieval_uses_longlamps_documents(task: Task, entry: dict, text: str):
    assert task.retrieved(entry) == text


def test_a_prompt_shows_the_first_750_words_of_an_abstract():
    paper = {**PAPERS[0], "abstract": " ".join(map(str, range(900)))}
    phrase = ABSTRACT_GENERATION.phrase(paper)
    assert phrase.startswith('"0 1 2')
    assert phrase.endswith(' 749" is the abstract for the title "On A"')


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (
            'the title "T" using the following items: 1. a 2. b',
            'the title "T" using the following items:',
        ),
        ('the title "Web 1. 0" using items: 1. a', 'the title "Web 1. 0" using items:'),
        ("points 1. a 2. b", "points"),
        ("no list", "no list"),
    ],
)
def test_an_abstracts_query_ends_before_its_items(text: str, query: str):
    assert before_items(text) == query
    assert ABSTRACT_GENERATION.query(text) == query


@pytest.mark.parametrize("subject", ["Lunch", "Re: Lunch", 'on "x" that begins: y'])
def test_an_emails_query_is_its_first_words_whatever_its_subject(subject: str):
    query = find("task", "email_generation").query
    for begins in ("Hi Bob: see", "At 12:30"):
        text = f'Complete the email with the title "{subject}" that begins: {begins}'
        assert query(text) == begins
    nothing = f'Complete the email with the title "{subject}" that begins: '
    assert query(nothing) == nothing


def test_other_tasks_search_with_the_whole_input():
    assert PRODUCT_REVIEW.query("x 1. y") == TOPIC_WRITING.query("x 1. y") == "x 1. y"


def test_tasks_are_found_by_their_names_and_know_their_fields():
    for name in ("product_review", "abstract_generation", "topic_writing"):
        assert find("task", name).name == name
    assert PRODUCT_REVIEW.fields == ("overall", "description", "summary", "reviewText")
    assert TOPIC_WRITING.texts == ("summary", "content")


@pytest.mark.parametrize(
    "change",
    [{"instruction": " Now "}, {"separator": "; "}, {"body_words": 9}, {"request": None}],
    ids=lambda change: next(iter(change)),
)
def test_a_digest_covers_what_prompts_are_made_of(change):
    assert task_digest(replace(PRODUCT_REVIEW, **change)) != task_digest(PRODUCT_REVIEW)


def test_a_digest_does_not_depend_on_what_a_task_has_computed():
    class Counted(Task):
        @cached_property
        def shown(self) -> str:
            return f"{len(self.texts)} fields"

    task = Counted(**{name: getattr(PRODUCT_REVIEW, name) for name in Task.__dataclass_fields__})
    before = task_digest(task)
    assert task.shown == "4 fields"
    assert task_digest(task) == before
