"""Floors: texts that the data alone give."""

from __future__ import annotations

from dataclasses import replace

from harness.data import TOPIC_WRITING
from harness.data.floors import WORDS, Floor, floors
from harness.types import Example, Reference, SplitData


def split(name: str, rows: list[tuple[str, str, str, tuple[str, ...]]]) -> SplitData:
    """Rows of (user, input, target, profile texts)."""
    examples = tuple(
        Example(
            f"{name}{at}",
            user,
            "topic_writing",
            text,
            tuple({"summary": "s", "content": own} for own in profile),
        )
        for at, (user, text, _, profile) in enumerate(rows)
    )
    references = {
        one.id: Reference(one.id, one.user_id, row[2])
        for one, row in zip(examples, rows, strict=True)
    }
    return SplitData("topic_writing", name, examples, references, "print")


TEST = split(
    "test",
    [
        ("ann", "of cats", "My cats are of many sorts", ("of dogs and their ways", "cats", "nil")),
        ("bob", "trains", "Trains", ()),
    ],
)
TRAIN = split(
    "train",
    [
        ("ann", "x", "the the the of of sea sea 9 a- I", ()),
        ("cyd", "x", "The shore", ()),
        ("dee", "x", "the of hills", ()),
    ],
)


def by_name(found: list[Floor]) -> dict[str, dict[str, str]]:
    return {floor.name: dict(floor.texts()) for floor in found}


def test_profile_entries_as_they_are():
    found = by_name(floors(TOPIC_WRITING, TEST, TRAIN))
    assert found["floor-longest"] == {"test0": "of dogs and their ways", "test1": ""}
    assert found["floor-first"]["test0"] == "cats"


def test_another_users_target_never_the_users_own():
    texts = by_name(floors(TOPIC_WRITING, TEST, TRAIN))["floor-other"]
    assert texts["test0"] in ("The shore", "the of hills")
    draws = {
        by_name(floors(TOPIC_WRITING, replace(TEST, fingerprint=str(at)), TRAIN))["floor-other"][
            "test0"
        ]
        for at in range(20)
    }
    assert draws == {"The shore", "the of hills"}


def test_the_fingerprint_of_the_test_split_alone_decides_what_is_drawn():
    first, second = (by_name(floors(TOPIC_WRITING, TEST, TRAIN)) for _ in range(2))
    assert first == second


def test_no_other_user_no_floor_of_another():
    alone = split("train", [("ann", "x", "the sea", ())])
    assert "floor-other" not in by_name(floors(TOPIC_WRITING, TEST, alone))


def test_the_commonest_words_in_a_circle_as_long_as_the_reference():
    texts = by_name(floors(TOPIC_WRITING, TEST, TRAIN))["floor-words"]
    assert texts == {"test0": "the of sea i shore hills", "test1": "the"}
    assert WORDS == 12


def test_training_targets_without_words_give_empty_circles():
    silent = split("train", [("cyd", "x", "12 34", ())])
    assert by_name(floors(TOPIC_WRITING, TEST, silent))["floor-words"] == {"test0": "", "test1": ""}
