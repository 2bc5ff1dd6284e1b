"""The benchmark separates methods, as docs/mini.md claims. Takes about ten minutes."""

import pytest

from harness.pipeline.single import run
from harness.registry import find
from harness.settings import build_settings
from tests.support.oracle import Oracle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    results = tmp_path_factory.mktemp("mini")

    def record(method, *assignments, seed=0, factory=None):
        settings = build_settings(
            "mini",
            ['eval.metrics=["rouge1"]', "eval.authors=false", *assignments],
            {"seed": seed},
        )
        return run(settings, method, results, factory=factory or find("method", method)).record

    return {
        "nonpers": record("nonpers"),
        "rag": record("rag"),
        "sft": record("sft", "eval.lift=texts"),
        "sft again": record("sft", seed=1),
        "oracle": record("oracle", "train.epochs=3", factory=Oracle),
    }


def following(records, name):
    return records[name].metrics["following"]


def test_sft_is_above_rag_and_rag_above_nonpers_by_more_than_their_intervals(records):
    for better, worse in (("sft", "rag"), ("rag", "nonpers")):
        assert following(records, better).low > following(records, worse).high


def test_the_oracle_is_far_above_rag(records):
    assert following(records, "oracle").low > following(records, "rag").high + 5


def test_two_seeds_of_sft_differ_by_less_than_sft_and_rag(records):
    seeds = abs(following(records, "sft").value - following(records, "sft again").value)
    assert seeds < following(records, "sft").value - following(records, "rag").value


def test_the_users_own_profile_helps_and_another_one_hurts(records):
    lift = records["sft"].lift.texts["random"]["following"]
    assert lift.own_other.low > 10
    assert lift.own_empty.low > 0
