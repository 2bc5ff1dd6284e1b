"""Reviews whose every word names its author, for planted texts."""

from __future__ import annotations

import dataclasses

from harness.data.tasks import PRODUCT_REVIEW
from harness.metrics.author_index import author_index
from harness.types import Example, Reference, SplitData


def entry(text, summary="x"):
    return {"overall": "5.0", "description": "", "summary": summary, "reviewText": text}


def made_up(users=12, entries=3, prefix=""):
    """Reviews whose words name their author: `u3e1w0 u3e1w1 …`; 8 words each, subject the same."""
    examples = [
        Example(
            f"id{user}",
            f"u{user}",
            "product_review",
            f"subject{user % 3}",
            tuple(
                entry(" ".join(f"{prefix}u{user}e{at}w{word}" for word in range(8)), f"s{at}")
                for at in range(entries)
            ),
        )
        for user in range(users)
    ]
    references = {
        one.id: Reference(one.id, one.user_id, f"text {user}") for user, one in enumerate(examples)
    }
    return SplitData("product_review", "test", tuple(examples), references, "print")


def author(text):
    """The authors whose words a text has."""
    return {word.partition("e")[0] for word in text.split()}


def index_of(users, own):
    """The index of users' words, as a run makes it.

    users: user id → words. own: the author's words for each text.
    """

    def each(user, words):
        return Example("id", user, "product_review", "input", (entry(words),))

    known = [each(user, words) for user, words in users.items()]
    texts = [each(next(iter(users)), words) for words in own]
    index = author_index([*known, *texts, *known], PRODUCT_REVIEW)  # a user's last example counts
    return dataclasses.replace(index, own=index.own[len(known) :][: len(texts)])
