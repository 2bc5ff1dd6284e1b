"""Floors: texts that the data alone give."""

from __future__ import annotations

from dataclasses import replace

import pytest

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


CHINESE = split("train", [("cyd", "x", "我爱猫。我爱 tea", ()), ("dee", "x", "我，我猫", ())])


def test_a_letter_is_a_word_in_a_script_without_spaces():
    mine = split("test", [("ann", "x", "我们在家看书。", ()), ("bob", "x", "ok good", ())])
    found = floors(TOPIC_WRITING, mine, CHINESE)
    # 我 3 (我， is no word of letters alone), 爱 2, 猫 1 (猫。), tea 1
    assert by_name(found)["floor-words"] == {"test0": "我爱tea猫我爱", "test1": "我爱"}
    assert found[-1].meaning == (
        "the 12 commonest words (letters where a script has no spaces) of the training targets in a"
        " circle"
    )


MARKED = {  # a training target → the words of its floor, and what they are
    "vowels of Hindi": ("है में 9 है किताब- यह", "है में यह है", "words (with combining marks)"),
    "joiners of Persian": (
        "می\u200cشود است",
        "می\u200cشود است می\u200cشود است",
        "words (with combining marks)",
    ),
    "the dot of a folded İ": (
        "İyi gün",
        "i\u0307yi gün i\u0307yi gün",
        "words (with combining marks)",
    ),
    "Thai": ("ที่", "ที่ที่ที่ที่", "words (letters where a script has no spaces, with combining marks)"),
    "accents are letters": ("cafe\u0301 noir", "café noir café noir", "words"),
    "a mark on a sign": ("❤\ufe0f so", "so so so so", "words"),
}


@pytest.mark.parametrize(("target", "text", "unit"), MARKED.values(), ids=MARKED.keys())
def test_marks_belong_to_the_letters_of_a_word(target: str, text: str, unit: str):
    mine = split("test", [("ann", "x", "one two three four", ())])
    found = floors(TOPIC_WRITING, mine, split("train", [("cyd", "x", target, ())]))[-1]
    assert found.texts() == {"test0": text}
    # other words than those of earlier versions have another meaning: a stored floor is made again
    assert found.meaning == f"the 12 commonest {unit} of the training targets in a circle"


def test_no_common_word_no_floor_of_words_and_a_sentence():
    silent, said = split("train", [("cyd", "x", "12 34", ()), ("dee", "x", "!", ())]), list[str]()
    assert "floor-words" not in by_name(floors(TOPIC_WRITING, TEST, silent, said.append))
    assert said == ["floor-words is left out: no training target has a word of letters alone"]
    assert not floors(TOPIC_WRITING, TEST, split("train", []), said.append)[2:]
    assert len(said) == 1  # nothing to say where there is no training target
