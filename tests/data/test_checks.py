"""Leaks and shared users: what counts as one, what does not, and what each message says."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest

from harness.data import PRODUCT_REVIEW
from harness.data.checks import (
    Leak,
    also_trained,
    fold,
    holds,
    leaks_of,
    refuse_leaks,
    refuse_shared_users,
    without_leaks,
)
from harness.data.rows import Row
from harness.errors import DataError

LONG = "The pot pours well, stays warm, and it never drips; I would buy it again."  # 73 characters


def row(
    output: str, *texts: str, user: str = "u", name: str = "t-1", field: str = "reviewText"
) -> Row:
    empty = dict.fromkeys(("overall", "description", "summary", "reviewText"), "other")
    profile = tuple({**empty, field: text} for text in texts)
    return Row(name, user, "x", output, profile, "test.jsonl line 4")


@pytest.mark.parametrize(
    ("text", "folded"),
    [("A  b\n C", "a b c"), ("ﬁne Straße", "fine strasse"), ("e\u0301", "é"), ("Ａ\u3000b", "a b")],
)
def test_folding_equates_texts_that_look_the_same(text: str, folded: str):
    assert fold(text) == folded


def test_folding_breaks_runs_of_marks_whose_sorting_takes_the_square_of_their_number():
    marks = "\u0301\u0316" * 100
    folded = fold(f"a{marks}")
    assert {len(run) for run in folded.split("\u034f")} <= {*range(32)}
    assert folded.count("\u034f") == 6
    assert fold(f"a{marks[:29]}") == unicodedata.normalize("NFKC", f"a{marks[:29]}")


LEAKS = {
    "equal": ("Nice pot", "Nice pot", True),
    "equal after folding": ("Nice  POT\n", "nice pot", True),
    "equal in full width": ("nice pot", "ｎｉｃｅ pot", True),
    "short and contained": ("Nice pot", "A nice pot it is", False),
    "49 and contained": ("a" * 49, "a" * 60, False),
    "50 and contained": ("a" * 50, "a" * 60, True),
    "50 only before folding": (
        "a" * 25 + " " * 10 + "a" * 24,
        "a" * 25 + " " + "a" * 24 + " b",
        True,
    ),
    "long and contained": (LONG, f"Before. {LONG.upper()} After.", True),
    "spelled shorter than it folds": ("o" + "ffi" * 20 + "ce", "o" + "ﬃ" * 20 + "ce", True),
    "other way round": (LONG + " More.", LONG, False),
    "one word differs": (LONG, LONG.replace("never", "seldom"), False),
}


@pytest.mark.parametrize(("target", "text", "expected"), LEAKS.values(), ids=LEAKS.keys())
def test_which_texts_are_leaks(target: str, text: str, expected: bool):
    found = list(leaks_of(PRODUCT_REVIEW, row(target, "nothing", text)))
    assert [(leak.entry, leak.field) for leak in found] == ([(1, "reviewText")] if expected else [])


@pytest.mark.parametrize("text", [text for _, text, _ in LEAKS.values()], ids=LEAKS.keys())
def test_asked_for_many_targets_at_once_a_profile_holds_those_that_would_leak(text: str):
    targets = [target for target, _, _ in LEAKS.values()]
    expected = [bool([*leaks_of(PRODUCT_REVIEW, row(target, text))]) for target in targets]
    profile = row("x", "nothing", text).profile
    assert holds(PRODUCT_REVIEW, profile, [fold(target) for target in targets]) == expected


@pytest.mark.parametrize("field", ["description", "summary", "reviewText"])
def test_every_text_field_of_an_entry_is_checked(field: str):
    (leak,) = leaks_of(PRODUCT_REVIEW, row(LONG, LONG, field=field))
    assert leak.field == field


def leaks(rows: Sequence[Row]) -> list[Leak]:
    return [leak for row in rows for leak in leaks_of(PRODUCT_REVIEW, row)]


def test_a_leak_is_refused_with_place_and_mend():
    with pytest.raises(DataError) as caught:
        refuse_leaks(leaks([row("fine"), row(LONG, "a", LONG), row(LONG, f"-{LONG}-")]))
    assert str(caught.value) == (
        "test.jsonl line 4, example t-1, profile[1].reviewText\n"
        "  found     the example's own target (73 characters, equal after folding);"
        " 1 more in this split\n"
        "  expected  a profile that does not contain the text to generate\n"
        "  mend      remove the entry, or --set data.on_leak=drop (counted)"
    )
    refuse_leaks(leaks([row(LONG, "a")]))


def test_dropping_removes_and_counts_the_leaked_entries():
    clean = row(LONG, "a", name="t-0")
    leaky = row(LONG, "a", LONG, f"x {LONG}", "b", name="t-1")
    found = leaks([clean, leaky])
    rows = without_leaks([clean, leaky], found)
    assert (rows[0], len(found)) == (clean, 2)
    assert [entry["reviewText"] for entry in rows[1].profile] == ["a", "b"]


def test_a_user_in_two_splits_is_refused_with_both_places():
    splits = {
        "train": [row("y", user="a", name="t-1"), row("y", user="b", name="t-2")],
        "test": [row("y", user="c"), row("y", user="b", name="t-3"), row("y", user="a")],
    }
    with pytest.raises(DataError) as caught:
        refuse_shared_users(splits)
    message = str(caught.value)
    assert "line 4, example t-3, user b" in message
    assert "the same user as test.jsonl line 4, example t-2; train and test share 1 more" in message
    assert "no user in two splits" in message
    assert "--setting temporal" in message
    refuse_shared_users({"train": splits["train"], "val": [row("y", user="d")]})


def test_targets_that_are_training_targets_are_found_after_folding():
    targets = {
        "a": LONG,
        "b": f"{LONG} Really.",
        "c": LONG.upper().replace(" ", "\n"),
        "d": "Great!",
    }
    assert also_trained(targets, [LONG.title(), "great!"]) == ["a", "c"]
    assert also_trained(targets, []) == []
