"""Author identification in the record: texts beside references and chance."""

import tracemalloc

import pytest

from harness.metrics.authors import Candidates, identify_authors
from harness.metrics.function_words import function_words
from harness.pipeline.evaluate.author_identification import author_identification
from harness.record import Authors
from harness.types import Example, Reference, SplitData
from tests.support.authored import index_of
from tests.support.runs import go

STYLES = {"ann": "and so i went!! ", "bob": "However, one expects better. ", "cid": "it's just me "}


def split(users=STYLES, words=STYLES):
    """A text of each user; who has no words has an empty profile."""

    def profile(user):
        told = {"overall": "5.0", "description": "a lamp", "summary": "good"}
        return ({**told, "reviewText": 5 * words[user]},) if user in words else ()

    examples = tuple(
        Example(f"{user}-0", user, "product_review", "lamp", profile(user)) for user in users
    )
    references = {
        each.id: Reference(each.id, each.user_id, 2 * STYLES[each.user_id]) for each in examples
    }
    return SplitData("product_review", "test", examples, references, "print")


def test_samples_are_averaged_with_ceiling_and_chance():
    test = split()
    own = {each.id: STYLES[each.user_id] for each in test.examples}
    mixed = {**own, "ann-0": STYLES["bob"]}
    found, each = author_identification(test, [own, mixed], 200)
    assert (found.others, found.users) == (2, 3)
    for scores, ranks in (
        (found.characters, each["ann-0"].characters),
        (found.function_words, each["ann-0"].function_words),
    ):
        top1, mrr = scores.top1, scores.mrr
        # the second sample misses ann: (100 + 0)/2 for her, 100 for the others
        assert top1.value == pytest.approx((50 + 100 + 100) / 3)
        assert top1.ceiling == mrr.ceiling == 100
        assert top1.chance == pytest.approx(100 / 3)
        assert mrr.chance == pytest.approx(100 * (1 + 1 / 2 + 1 / 3) / 3)
        assert ranks.top1 == 50
        assert (top1.low, top1.high) == (None, None)  # two of three users tie: no interval


def test_the_authors_profile_is_that_of_the_example():
    """Another example's profile of the same user may hold the very text that is asked about."""

    def entry(words):
        return {"overall": "5.0", "description": "a", "summary": "b", "reviewText": words}

    told = {"ann-0": "and so i went", "ann-1": "xyzzy plugh frotz", "bob-0": "xyzzy plugh frob"}
    texts = {"ann-0": "xyzzy plugh frotz", "ann-1": "and so i went", "bob-0": "xyzzy plugh frob"}
    examples = tuple(
        Example(key, key[:3], "product_review", "lamp", (entry(words),))
        for key, words in told.items()
    )
    references = {key: Reference(key, key[:3], text) for key, text in texts.items()}
    test = SplitData("product_review", "test", examples, references, "print")
    _, found = author_identification(test, [texts], 100)
    # ann-0's words are in ann-1's profile; beside her own ("and so i went") bob's are nearer
    assert found["ann-0"].characters.top1 == 0
    assert found["bob-0"].characters.top1 == 100


def test_memory_does_not_grow_with_texts_times_users_times_function_words():
    words = function_words()[:40]
    profiles = {f"u{at}": " ".join(words[at % 40 :]) for at in range(300)}
    users = list(profiles)
    rivals = [[users[(at + step) % 300] for step in range(1, 8)] for at in range(300)]
    index = index_of(profiles, list(profiles.values()) * 3)
    candidates = Candidates(index, index.own, rivals * 3)
    tracemalloc.start()
    identify_authors(["it is the lamp"] * 900, candidates, "function words")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 900 * 300 * 40 * 8


def test_a_text_that_is_missing_scores_0():
    found, _ = author_identification(split(), [{}], 200)
    assert found.characters.top1.value == 0
    assert found.characters.mrr.value == 0


def test_a_single_user_is_null_with_a_reason():
    found, _ = author_identification(split(["ann"]), [{}], 200)
    assert found == Authors(
        missing="one user in the test split; author identification needs at least two"
    )


FEW = [{}, {"ann": " ", "bob": ""}, {"ann": STYLES["ann"], "bob": " "}]


@pytest.mark.parametrize("words", FEW, ids=["no entry", "empty entries", "one with words"])
def test_fewer_than_two_profiles_with_words_are_null_with_a_reason(words):
    found, each = author_identification(split(words=words), [{}], 200)
    assert found == Authors(
        missing="fewer than two test users have words in their profiles; "
        "author identification needs two"
    )
    assert each == {}


def test_an_author_without_words_has_no_value_and_the_others_are_ranked_without_that_one():
    test = split(words={user: STYLES[user] for user in ("ann", "bob")})
    texts = {"ann-0": STYLES["ann"], "bob-0": STYLES["bob"], "cid-0": STYLES["ann"]}
    found, each = author_identification(test, [texts, texts], 200)
    assert (found.others, found.users) == (1, 3)
    for scores in (found.characters, found.function_words):
        assert scores.top1.value == scores.top1.ceiling == 100  # of ann and bob
        assert (scores.top1.chance, scores.mrr.chance) == (50, 75)  # two candidates: 1/2, 3/4
    for ranks in (each["cid-0"].characters, each["cid-0"].function_words):
        assert (ranks.top1, ranks.mrr) == (None, None)


def test_it_is_in_every_record_unless_switched_off(tmp_path, reviews, backbone):
    record = go(tmp_path, reviews, backbone, "rag").record
    assert record.authors.users == 4
    assert all(example.authors for example in record.examples.values())
    assert go(tmp_path, reviews, backbone, "rag", "eval.authors=false").record.authors is None
    assert go(tmp_path, reviews, backbone, "rag", "data.limit=2").record.authors.missing
