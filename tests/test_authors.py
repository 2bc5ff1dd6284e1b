"""Author identification in the record: texts beside references and chance."""

import pytest

from harness.authors import author_identification
from harness.types import Example, Reference, SplitData
from tests.test_run import go

STYLES = {"ann": "and so i went!! ", "bob": "However, one expects better. ", "cid": "it's just me "}


def split(users=STYLES):
    def entry(user):
        words = {"overall": "5.0", "description": "a lamp", "summary": "good"}
        return {**words, "reviewText": 5 * STYLES[user]}

    examples = tuple(
        Example(f"{user}-0", user, "product_review", "lamp", (entry(user),)) for user in users
    )
    references = {
        each.id: Reference(each.id, each.user_id, 2 * STYLES[each.user_id]) for each in examples
    }
    return SplitData("product_review", "test", examples, references, "print")


def test_samples_are_averaged_beside_ceiling_and_chance():
    test = split()
    own = {each.id: STYLES[each.user_id] for each in test.examples}
    mixed = {**own, "ann-0": STYLES["bob"]}
    found = author_identification(test, [own, mixed], 200)
    assert (found.summary["others"], found.summary["users"]) == (2, 3)
    for features in ("characters", "function words"):
        top1, mrr = (found.summary[features][name] for name in ("top1", "mrr"))
        # the second sample misses ann: (100 + 0)/2 for her, 100 for the others
        assert top1["value"] == pytest.approx((50 + 100 + 100) / 3)
        assert top1["ceiling"] == mrr["ceiling"] == 100
        assert top1["chance"] == pytest.approx(100 / 3)
        assert mrr["chance"] == pytest.approx(100 * (1 + 1 / 2 + 1 / 3) / 3)
        assert found.examples["ann-0"][features]["top1"] == 50
        assert top1["low"] <= top1["value"] <= top1["high"]


def test_a_text_that_is_missing_scores_0():
    found = author_identification(split(), [{}], 200)
    assert found.summary["characters"]["top1"]["value"] == 0
    assert found.summary["characters"]["mrr"]["value"] == 0


def test_one_user_alone_is_null_with_a_reason():
    found = author_identification(split(["ann"]), [{}], 200)
    assert found.summary == {
        "missing": "one user in the test split; whose text it is needs at least two"
    }


def test_it_is_in_every_record_unless_not_asked_for(tmp_path, reviews, backbone):
    record = go(tmp_path, reviews, backbone, "rag").record
    assert record.authors["users"] == 4
    assert set(record.authors["characters"]) == {"top1", "mrr"}
    for example in record.examples.values():
        assert set(example["authors"]) == {"characters", "function words"}
    assert go(tmp_path, reviews, backbone, "rag", "eval.authors=false").record.authors is None
    assert "missing" in go(tmp_path, reviews, backbone, "rag", "data.limit=2").record.authors
