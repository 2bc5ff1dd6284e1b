"""Planted texts: whose they are, what is done to them, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import fmean

import pytest

from harness.data.tasks import PRODUCT_REVIEW
from harness.data.words import words
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


def shared_by_two(entries=4, joint=3):
    """Users 0 and 1 wrote `joint` entries together: all texts but one of each user's profile."""
    split = made_up(entries=entries)
    first, second, *rest = split.examples
    together = first.profile[:joint]
    second = replace(second, input=first.input, profile=(*together, *second.profile[joint:]))
    return replace(split, examples=(first, second, *rest))


def test_a_text_of_the_author_too_is_no_text_of_another():
    for seed in range(5):
        for each in planted(shared_by_two(), seed).rounds:
            user = each.example.user_id
            mine = {*bodies(each.example), each.texts["own"][0]}
            for kind in ("other", "stranger", "generic"):
                assert not mine & set(each.texts[kind]), (user, kind)


def test_who_wrote_all_texts_with_the_author_is_passed_over():
    split = shared_by_two(entries=3, joint=3)
    alone = replace(split, examples=split.examples[:2])
    with pytest.raises(DataError) as refused:
        planted(alone)
    assert str(refused.value) == (
        "product_review, test split: every text of the other users is in the author's own profile"
        " too, or holds the text to be written; expected users with texts of their own, which a"
        " trial plants. Give data of more users"
    )
    plants = planted(replace(split, examples=split.examples[:3]))
    assert plants.left_out == 0
    for each in plants.rounds[:4]:  # of users 0 and 1, who have only user 2
        for kind in ("other", "stranger", "generic"):
            assert author(" ".join(each.texts[kind])) == {"u2"}, kind


def chinese():
    """Texts of 8 to 40 letters, without a space: clauses of 8, of one user each."""

    def text(user, at):
        draw = Random(f"{user} {at}")
        letters = [chr(0x4E00 + 20 * user + draw.randrange(20)) for _ in range(8)]
        return "".join([*letters, "，"] * draw.choice([1, 2, 5]))

    split = made_up(entries=4)
    examples = [
        replace(one, profile=tuple(entry(text(user, at)) for at in range(4)))
        for user, one in enumerate(split.examples)
    ]
    return replace(split, examples=tuple(examples))


def test_a_letter_is_a_word_in_a_script_without_spaces():
    for each in planted(chinese()).rounds:
        texts = {kind: words(text) for kind, (text, *_) in each.texts.items()}
        own, half = texts["own"], (len(texts["own"]) + 1) // 2
        assert texts["shuffled"] != own
        assert sorted(texts["shuffled"]) == sorted(own)
        assert " " not in each.texts["shuffled"][0]
        assert texts["cut"] == own[:half]
        copied = texts["copied"]
        assert texts["half_copied"] == copied[: (len(copied) + 1) // 2] + own[half:]
        assert len(texts["padded"]) == 2 * len(own)


def test_texts_of_others_are_of_the_own_length_in_a_script_without_spaces():
    split = chinese()
    lengths = {text: len(words(text)) for one in split.examples for text in bodies(one)}
    for kind in ("other", "stranger", "generic"):
        apart = [
            abs(lengths[text] - lengths[each.texts["own"][0]])
            for each in planted(split).rounds
            for text in each.texts[kind]
        ]
        # a text has 8, 16 or 40 words, and any two are 16 words apart in the mean
        assert fmean(apart) < 12, kind


@pytest.mark.parametrize("text", ["!!! …", "😀"])
def test_texts_without_a_word_are_refused(text):
    split = made_up(users=3, entries=2)
    examples = [replace(one, profile=(entry(text), entry(text + "?"))) for one in split.examples]
    with pytest.raises(DataError) as refused:
        planted(replace(split, examples=tuple(examples)))
    assert str(refused.value) == (
        "product_review, test split: none of 6 texts to plant has a letter or digit, e.g."
        f" {text!r}; expected texts with words, which a trial shuffles and halves. Give data whose"
        " profile texts have words"
    )
