"""Lift, donors and author identification, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.data.tasks import PRODUCT_REVIEW
from harness.errors import DataError
from harness.metrics.authors import Candidates, identify_authors
from harness.metrics.donors import Pool, random_donors, topic_donors
from harness.metrics.lift import lift
from harness.statistics import resampling_rng
from harness.types import Example, Score
from tests.support.authored import index_of
from tests.support.texts import panel


def scores(*values):
    return Score(0.0, values, "x")


def test_lift_by_hand():
    own, empty = scores(10.0, 20.0, None), scores(4.0, 21.0, 1.0)
    others = [scores(8.0, 20.0, 1.0), scores(6.0, None, 1.0)]
    found = lift(own, others, empty, panel("abc"))
    assert found.own_other.each == (3, 0, None)  # (2 + 4)/2; only one donor is known: 0
    assert found.own_other.value == 1.5
    assert found.own_empty.each == (6, -1, None)
    assert found.own_empty.value == 2.5
    assert found.own_other.signature == "lift:own-other|donors:2|x"
    nll = lift(own, others, empty, panel("abc"), "lower")
    assert nll.own_other.each == (-3, 0, None)


def test_a_model_that_ignores_its_profile_has_no_lift_at_all():
    own = scores(0.1, 0.2, 1 / 3, 7.7)  # thirds of these do not add up to themselves exactly
    found = lift(own, [own] * 3, own, panel("abbc"))
    for one in (found.own_other, found.own_empty):
        assert one.each == (0, 0, 0, 0)
        assert (one.value, one.low, one.high) == (0, 0, 0)


def test_lift_without_donors_is_null_with_a_reason():
    found = lift(scores(1.0), [], scores(None), panel("a"))
    assert found.own_other.missing == "no example has a donor's value"
    assert found.own_empty.missing == "no example has a value without profile"


NOWHERE = ["a text that no profile has"]
DOCUMENTS = {
    "ann": "guitar strings amp",
    "bob": "guitar pedal amp",
    "cid": "guitar lessons",
    "dee": "pasta sauce",
    "eve": "bread oven",
}


def example(user, text="x", words="x"):
    entry = {"overall": "", "description": "", "summary": "", "reviewText": words}
    return Example(f"{user} {text}", user, "product_review", text, (entry,))


def pool(examples, fingerprint="print"):
    """The examples, with targets that are in no profile."""
    return Pool(examples, PRODUCT_REVIEW, NOWHERE * len(examples), fingerprint)


def near(queries, count=2):
    """Topic donors on users with DOCUMENTS as profiles, of those with a query."""
    examples = [example(user, queries.get(user, "x"), words) for user, words in DOCUMENTS.items()]
    found = topic_donors(pool(examples), count)
    return dict(zip(DOCUMENTS, found.users, strict=True)), found.tied


def test_donors_are_nearest_in_topic_and_never_oneself():
    found, _ = near({"ann": "guitar amp", "dee": "guitar pedal"})
    assert (found["ann"], found["dee"]) == (["bob", "cid"], ["bob", "cid"])


def test_donors_that_no_topic_chooses_are_counted():
    words = {"ann": "guitar amp", "bob": "guitar", "cid": "guitar", "dee": "oven", "eve": "pasta"}
    assert near(words)[1] == 0
    found, tied = near({**words, "ann": "zebra", "eve": "zebra lion"})
    assert tied == 2
    assert len(found["ann"]) == 2  # drawn at random, by the fingerprint
    assert near({}, count=4)[1] == 0  # all other users are donors: nothing is drawn


def test_random_donors_follow_the_fingerprint():
    examples = [example(f"u{at}") for at in range(30)]

    def drawn(some, fingerprint):
        return random_donors(pool(some, fingerprint)).users

    found = drawn(examples, "print")
    assert found == drawn(examples, "print")
    assert found != drawn(examples, "other")
    for one, donors in zip(examples, found, strict=True):
        assert len(set(donors)) == 4
        assert one.user_id not in donors
    assert len(drawn([example("a"), example("b")], "print")[0]) == 1


def test_where_every_profile_has_entries_the_random_donors_are_the_permutations():
    """As before users without entries were left out: published lifts keep their donors."""
    users = [f"u{at}" for at in range(9)]
    found = random_donors(pool([*map(example, users)])).users
    rng = resampling_rng("donors print")
    drawn = [[at + (at >= own) for at in rng.permutation(8)] for own in range(9)]
    assert found == [[users[at] for at in each[:4]] for each in drawn]


@pytest.mark.parametrize("choose", [random_donors, topic_donors])
def test_a_user_without_entries_is_no_donor_but_has_some(choose):
    examples = [example(f"u{at}", "guitar", f"guitar {at}") for at in range(8)]
    examples = [replace(one, profile=()) if at % 2 else one for at, one in enumerate(examples)]
    filled = {"u0", "u2", "u4", "u6"}
    found = choose(pool(examples), 4).users
    assert [set(each) for each in found] == [filled - {one.user_id} for one in examples]
    empty = [replace(one, profile=()) for one in examples]
    assert choose(pool(empty), 4).users == [[]] * 8


TEXT = "The third string buzzes, and the amplifier hums louder than the band."  # 69 characters


@pytest.mark.parametrize("choose", [random_donors, topic_donors])
def test_a_user_whose_profile_has_the_target_is_passed_over(choose):
    users = [example(f"u{at}", "guitar", f"guitar {at}") for at in range(9)]
    users[0] = example("u0", TEXT.lower(), "guitar 0")  # BM25 finds the user who has its text
    targets = [f"{TEXT} {at}" for at in range(9)]
    clean = choose(Pool(users, PRODUCT_REVIEW, targets, "print"), 3)
    assert clean == choose(pool(users), 3)
    assert clean.shared == []
    taken = int(clean.users[0][0][1:])
    users[taken].profile[0]["summary"] = f"By two: {targets[0].upper()}!"
    unaware = choose(pool(users), 8).users
    aware = choose(Pool(users, PRODUCT_REVIEW, targets, "print"), 3)
    assert unaware[0][0] == f"u{taken}"
    assert aware.shared == [users[0].id]
    assert aware.users == [unaware[0][1:4], *(each[:3] for each in unaware[1:])]
    # where all others have it, nobody is left
    for one in users[1:]:
        one.profile[0]["description"] = targets[0]
    assert choose(Pool(users, PRODUCT_REVIEW, targets, "print"), 3).users[0] == []


@pytest.mark.parametrize(
    "draw",
    [
        lambda: random_donors(pool([example("a")])),
        lambda: topic_donors(pool([example("a")])),
    ],
)
def test_a_user_alone_has_no_donor(draw):
    with pytest.raises(DataError, match="user 'a' is alone; a donor needs at least one other"):
        draw()


STYLES = {
    "ann": "and so i went, and so i saw, and so it was!! ",
    "bob": "However, this product is not what one would expect of it. ",
    "cid": "i don't know. i can't say. it's just me... ",
}


def everyone(profiles, users):
    """Candidates: the author against all other users."""
    rivals = [[other for other in profiles if other != user] for user in users]
    return candidates_of(profiles, [profiles[user] for user in users], rivals)


def candidates_of(profiles, own, rivals):
    index = index_of(profiles, own)
    return Candidates(index, index.own, rivals)


@pytest.mark.parametrize("features", ["characters", "function words"])
def test_a_text_in_its_authors_style_is_found(features):
    profiles = {user: 6 * style for user, style in STYLES.items()}
    users = list(STYLES)
    texts, candidates = [3 * STYLES[user] for user in users], everyone(profiles, users)
    found = identify_authors(texts, candidates, features)
    assert found.top1 == [100, 100, 100]
    assert found.reciprocal_rank == [100, 100, 100]
    assert found.chance_top1 == pytest.approx(100 / 3)
    assert found.chance_reciprocal_rank == pytest.approx(100 * (1 + 1 / 2 + 1 / 3) / 3)
    swapped = identify_authors(texts[1:] + texts[:1], candidates, features)
    assert swapped.top1 == [0, 0, 0]
    assert all(33.3 < rank <= 50 for rank in swapped.reciprocal_rank)


@pytest.mark.parametrize("features", ["characters", "function words"])
def test_an_uninformative_text_is_at_chance_and_an_empty_one_at_0(features):
    profiles = dict.fromkeys(("a", "b", "c", "d"), "the same text of us all")
    found = identify_authors(["zzz", " "], everyone(profiles, "ab"), features)
    assert found.top1 == pytest.approx([25, 0])  # four tied: ¼
    assert found.reciprocal_rank == pytest.approx([100 * (25 / 12) / 4, 0])


@pytest.mark.parametrize("features", ["characters", "function words"])
def test_an_author_without_words_has_no_value_and_is_nobodys_rival(features):
    profiles = {user: 6 * style for user, style in STYLES.items()}
    texts = [3 * STYLES[user] for user in STYLES]
    expected = identify_authors(texts, everyone(profiles, STYLES), features)
    more = {**profiles, "dee": "", "eve": " "}
    found = identify_authors([*texts, "a text", ""], everyone(more, more), features)
    assert found.top1 == [*expected.top1, None, None]
    assert found.reciprocal_rank == [*expected.reciprocal_rank, None, None]
    assert found.chance_top1 == expected.chance_top1
    assert found.chance_reciprocal_rank == expected.chance_reciprocal_rank
    with pytest.raises(ValueError, match="no author has words; expected at least one text"):
        identify_authors(["a text"], everyone(more, ["dee"]), features)


def test_only_the_rivals_are_candidates():
    # zed's words are nearest to both texts, but only ann's are compared with eve's and bob's
    profiles = dict(DOCUMENTS, zed="guitar strings amp guitar strings amp")
    rivals = [["eve", "bob"], ["zed", "bob"]]
    candidates = candidates_of(profiles, [profiles["ann"], profiles["eve"]], rivals)
    found = identify_authors(["guitar strings amp"] * 2, candidates)
    assert found.top1 == [100, 0]
    assert found.chance_top1 == pytest.approx(100 / 3)


def test_a_donor_whose_score_is_null_leaves_no_lift_over_others_and_its_reason():
    own, equal = scores(4.0, 6.0), scores(5.0, 5.0)
    null = Score(None, (None, None), "x", missing="its examples do not give it")
    found = lift(own, [equal, null], equal, panel("ab"))
    assert found.own_other.each == (None, None)
    assert (found.own_other.value, found.own_other.missing) == (None, null.missing)
    assert (found.own_empty.value, found.own_empty.missing) == (0, None)
    assert lift(own, [equal], null, panel("ab")).own_empty.missing == null.missing
