"""Profile swap: gains by hand, per example, without donors, and who the donors are."""

from statistics import fmean
from types import SimpleNamespace

import pytest

from harness.data import load_split
from harness.metrics.lift import APART
from harness.pipeline.evaluate.profile_swap import donor_examples, lifts_of, text_scores
from harness.pipeline.plan import Plan
from harness.settings import build_settings
from harness.statistics import Panel
from tests.support.runs import go, settings


def test_lift_of_texts_is_signed_with_the_metric():
    sets = ["data.limit=1", "eval.resamples=100", 'eval.metrics=["rouge1"]', "eval.slices=[0]"]
    chosen = build_settings("mini", sets)
    test = load_split(chosen, "test")
    texts = {example.id: test.references[example.id].text for example in test.examples}
    plan = SimpleNamespace(settings=chosen, test=test, panel=lambda ids: Panel.of(test, 100))
    found = {"own": text_scores(plan, texts)} | {
        swap: text_scores(plan, {}) for swap in ("empty", "random 0", "topic 0")
    }
    own, gains = found["own"], lifts_of(plan, found)
    signatures = {name: each.own_other.signature for name, each in gains["random"].items()}
    assert signatures == {
        "rouge1": "lift:own-other|donors:1|rouge1|stem:no|rouge-score:0.1.2",
        "following": f"lift:own-other|donors:1|{own['following'].signature}",
    }


@pytest.mark.parametrize("method", ["nonpers", "sft", pytest.param("cot", marks=pytest.mark.slow)])
def test_lift_is_zero_for_a_method_that_reads_no_profile(tmp_path, reviews, backbone, method):
    asked = ['eval.lift=["likelihood","texts"]', "eval.donors=2"]
    if method == "cot":
        asked.append("method.analysis_tokens=8")
    lift = go(tmp_path, reviews, backbone, method, *asked).record.lift
    gains = [
        gain.value
        for kind in ("random", "topic")
        for gain in vars(lift.likelihood[kind]["all"]).values()
    ]
    assert all(gain == 0 for gain in gains) == (method == "nonpers")
    assert {"bleu", "rouge1"} <= set(lift.texts["topic"])
    if method == "nonpers":
        assert lift.texts["random"]["rouge1"].own_empty.value == 0


def test_a_metric_that_is_no_mean_of_its_examples_has_no_lift(
    tmp_path, reviews, backbone, whole_metric
):
    name = whole_metric
    asked = ("eval.lift=texts", f"eval.metrics={name},rouge1", "eval.donors=2")
    record = go(tmp_path, reviews, backbone, "rag", *asked).record
    assert record.metrics[name].value > 0
    for kind in ("random", "topic"):
        for found in vars(record.lift.texts[kind][name]).values():
            assert (found.value, found.low, found.missing) == (None, None, APART)
        assert record.lift.texts[kind]["rouge1"].own_other.low is not None
    for values in record.examples.values():
        assert [gains[name] for gains in values.lift.texts.values()] == [None] * 3


def test_the_record_holds_every_examples_lift(tmp_path, reviews, backbone):
    asked = ['eval.lift=["likelihood","texts"]', "eval.donors=2"]
    record = go(tmp_path, reviews, backbone, "rag", *asked).record
    for view, name in (("likelihood", "all"), ("likelihood", "0-100"), ("texts", "rouge1")):
        rows = [getattr(values.lift, view) for values in record.examples.values()]
        for kind in ("random", "topic"):
            said = getattr(record.lift, view)[kind][name]
            each = [row[kind][name] for row in rows if row[kind][name] is not None]
            assert each
            assert fmean(each) == pytest.approx(said.own_other.value)
            empty = [row["empty"][name] for row in rows if row["empty"][name] is not None]
            assert fmean(empty) == pytest.approx(said.own_empty.value)


def test_lift_of_one_user_is_over_the_empty_profile_alone(tmp_path, reviews, backbone):
    asked = ['eval.lift=["likelihood","texts"]', "data.limit=2"]
    lift = go(tmp_path, reviews, backbone, "rag", *asked).record.lift
    assert lift.donors == 0
    for kind in ("random", "topic"):
        for found in (lift.likelihood[kind]["all"], lift.texts[kind]["rouge1"]):
            assert found.own_other.value is None
            assert found.own_other.missing == "no example has a donor's value"
            assert found.own_empty.value is not None


def test_donors_are_other_users_and_the_same_for_every_method_and_seed(tmp_path, reviews, backbone):
    plans = [
        Plan(settings(reviews, backbone, method, seed=seed), method, tmp_path)
        for method, seed in (("rag", 0), ("sft", 3))
    ]
    swaps = [donor_examples(plan).examples for plan in plans]
    assert swaps[0] == swaps[1]
    own = {example.id: example for example in plans[0].test.examples}
    assert set(swaps[0]) == {"empty", *(f"{k} {i}" for k in ("random", "topic") for i in range(3))}
    for name, examples in swaps[0].items():
        for example in examples:
            assert example.input == own[example.id].input
            assert example.profile != own[example.id].profile
            assert bool(example.profile) == (name != "empty")
