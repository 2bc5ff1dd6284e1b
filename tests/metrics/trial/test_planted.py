"""Planted texts: whose they are, what is done to them, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.data.tasks import PRODUCT_REVIEW
from harness.errors import DataError
from harness.metrics.trial.planted import KINDS, OTHERS, plant
from tests.support.authored import author, entry, made_up


def planted(split=None, seed=0, rewrite=None):
    return plant(PRODUCT_REVIEW, split or made_up(), seed, rewrite)


def bodies(example):
    return [entry["reviewText"] for entry in example.profile]


def test_every_example_has_every_kind_of_text_twice():
    plants = planted()
    assert len(plants.rounds) == 2 * len(plants.examples) == 24
    for each in plants.rounds:
        assert list(each.texts) == list(KINDS)
        assert {len(each.texts[kind]) for kind in ("other", "stranger", "generic")} == {OTHERS}


def test_texts_are_by_whom_they_are_said_to_be():
    for each in planted().rounds:
        user = each.example.user_id
        for kind in ("own", "shuffled", "cut", "copied", "half_copied"):
            assert author(each.texts[kind][0]) == {user}, kind
        for kind in ("other", "stranger", "generic"):
            assert all(user not in author(text) for text in each.texts[kind]), kind


def test_the_own_text_is_taken_out_of_the_profile_and_the_copy_stays():
    for each in planted().rounds:
        assert each.texts["own"][0] not in bodies(each.example)
        assert each.texts["copied"][0] in bodies(each.example)
        assert len(each.example.profile) == 2


def test_own_and_copied_change_places():
    rounds = planted().rounds
    for first, second in zip(rounds[::2], rounds[1::2], strict=True):
        assert first.texts["own"] == second.texts["copied"]
        assert first.texts["copied"] == second.texts["own"]


def test_what_is_done_to_the_own_text():
    each = planted().rounds[0]
    own, copied = (each.texts[kind][0].split() for kind in ("own", "copied"))
    assert each.texts["cut"][0].split() == own[:4]
    assert each.texts["half_copied"][0].split() == copied[:4] + own[4:]
    padded = each.texts["padded"][0].split()
    assert padded[:8] == own
    assert padded[8:] == each.texts["generic"][0].split()
    shuffled = each.texts["shuffled"][0].split()
    assert sorted(shuffled) == sorted(own)
    assert shuffled != own


def test_texts_of_others_are_those_of_the_own_length():
    examples = list(made_up().examples)
    for place in range(0, len(examples), 2):
        longer = tuple(entry(f"{each} " * 9, each[:4]) for each in bodies(examples[place]))
        examples[place] = replace(examples[place], profile=longer)
    for each in planted(replace(made_up(), examples=tuple(examples))).rounds:
        length = len(each.texts["own"][0].split())
        for kind in ("other", "stranger"):
            assert [len(text.split()) for text in each.texts[kind]] == [length, length]


def test_a_seed_fixes_all_texts():
    texts = [[each.texts for each in planted(seed=seed).rounds] for seed in (0, 0, 1)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_an_equal_entry_is_no_second_text():
    split = made_up(entries=1)
    doubled = [replace(one, profile=one.profile * 2) for one in split.examples]
    with pytest.raises(DataError) as refused:
        planted(replace(split, examples=tuple(doubled)))
    assert str(refused.value) == (
        "product_review, test split: 0 of 12 users with 2 or more different texts in the profile;"
        " expected at least 2 users. A trial plants one text of a profile and needs another user's"
        " to compare it with. Give data with more users and longer profiles, or raise --limit"
    )


def test_users_with_one_text_are_left_out_and_counted():
    split = made_up()
    examples = (
        replace(split.examples[0], profile=split.examples[0].profile[:1]),
        *split.examples[1:],
    )
    plants = planted(replace(split, examples=examples))
    assert plants.left_out == 1
    assert len(plants.examples) == 11


def test_one_user_is_refused():
    with pytest.raises(DataError, match="1 of 1 user with 2 or more different texts"):
        planted(made_up(users=1))


def test_data_that_can_write_an_input_again_give_own_and_other_on_it():
    plants = planted(made_up(entries=1), rewrite=lambda example, user: f"{user}e{example} x")
    for each in plants.rounds:
        one = each.example
        assert each.texts["own"] == (f"{one.user_id}e{one.id} x",)
        assert all(text.endswith(f"e{one.id} x") for text in each.texts["other"])
        assert bodies(one) == [each.texts["copied"][0]]  # one entry is enough: none is taken out
        references = {f"text {user}" for user in range(12) if f"u{user}" != one.user_id}
        assert set(each.texts["stranger"]) <= references  # others' references


def test_a_text_that_others_have_too_is_not_planted_as_theirs():
    split = made_up()
    references = {key: replace(one, text="by all") for key, one in split.references.items()}
    mine = references["id0"] = replace(references["id0"], text=bodies(split.examples[1])[0])
    plants = planted(replace(split, references=references))
    assert not any(
        "u1" in author(mine.text) and mine.text in texts
        for each in plants.rounds
        if each.example.user_id == "u0"
        for texts in each.texts.values()
    )
