"""Controls of a run: what they compare, that nothing but thoughts changes, and who has none."""

import json
import shutil
from types import SimpleNamespace

import pytest

from harness.cli.jobs import fitting
from harness.cli.options import RunOptions
from harness.errors import UsageError
from harness.pipeline.evaluate.thought_replacement import SHARED, prompts_with_thoughts
from harness.pipeline.plan import Plan
from harness.record import Thoughts, read_record
from harness.registry import find
from harness.settings import CONTROLS
from tests.support.runs import go, settings

OTHERS = ("zero", "noise", "shuffled", "other-profile")


def test_every_replacement_is_compared_with_the_models_own_thoughts(tmp_path, reviews, backbone):
    outcome = go(tmp_path, reviews, backbone, "flythinker", "eval.controls=all", "method.lam=2.0")
    record = read_record(outcome.folder)
    thoughts = record.controls.thoughts
    assert list(thoughts) == list(CONTROLS)
    assert record.controls.family == 4 * 3  # NLL, BLEU, ROUGE-1
    own = thoughts["own"]
    assert own.minus_own is None
    assert own.likelihood.value == record.likelihood.value
    assert own.metrics["bleu"].value == record.metrics["bleu"].value
    for name in OTHERS:
        found = thoughts[name]
        apart = found.minus_own.likelihood
        assert apart.value != 0
        assert apart.value == pytest.approx(found.likelihood.value - own.likelihood.value)
        assert apart.low <= apart.value <= apart.high
        assert [one.value for one in apart.slices][1:] == [None] * 3  # short texts
        for metric in ("bleu", "rouge1"):
            difference = found.minus_own.metrics[metric].value
            values = [one.metrics[metric].value for one in (found, own)]
            assert difference == pytest.approx(values[0] - values[1])
        assert "4 users: a verdict needs 20" in apart.reason
    lines = [json.loads(line) for line in (outcome.folder / "controls.jsonl").open()]
    assert [line["control"] for line in lines] == [name for name in OTHERS for _ in range(8)]
    assert {line["id"] for line in lines} == set(record.examples)


def test_the_values_of_each_example_give_the_means(tmp_path, reviews, backbone):
    given = "eval.controls=zero,other-profile"
    record = go(tmp_path, reviews, backbone, "flythinker", given, "method.lam=2.0").record
    values = list(record.examples.values())
    assert {tuple(each.thoughts) for each in values} == {("own", "zero", "other-profile")}
    for name, found in record.controls.thoughts.items():
        each = [one.thoughts[name]["rouge1"] for one in values]
        assert sum(each) / len(each) == pytest.approx(found.metrics["rouge1"].value)
    first = values[0]
    assert first.thoughts["own"]["nll"] == first.likelihood.mean
    assert first.thoughts["own"]["rouge1"] == first.scores["rouge1"]
    assert first.thoughts["zero"]["nll"] != first.thoughts["own"]["nll"]


def test_a_metric_that_is_no_mean_of_its_examples_has_no_difference(
    tmp_path, reviews, backbone, whole_metric
):
    name = whole_metric
    asked = ("eval.controls=zero", f"eval.metrics={name},rouge1", "method.lam=2.0")
    found = go(tmp_path, reviews, backbone, "flythinker", *asked).record.controls
    zero = found.thoughts["zero"]
    assert zero.metrics[name].value > 0
    assert list(zero.minus_own.metrics) == ["rouge1"]
    assert found.family == 2  # NLL, ROUGE-1


def test_without_lam_no_thought_changes_anything(tmp_path, reviews, backbone):
    asked = ("eval.controls=all", "method.lam=0.0")
    record = go(tmp_path, reviews, backbone, "flythinker", *asked).record
    for name in OTHERS:
        found = record.controls.thoughts[name].minus_own
        for one in (found.likelihood, *found.metrics.values()):
            assert (one.value, one.low, one.high) == (0, 0, 0)


def test_where_thoughts_come_from(tmp_path, reviews, backbone):
    chosen = settings(reviews, backbone, "flythinker", "budget.profile=400")  # whole profiles
    plan = Plan(chosen, "flythinker", tmp_path)
    own = plan.test_prompts
    for name in ("zero", "noise"):
        assert prompts_with_thoughts(plan, name) == own
    for name in ("shuffled", "other-profile"):
        prompts = prompts_with_thoughts(plan, name)
        assert prompts == prompts_with_thoughts(plan, name)
        for encoded, mine in zip(prompts, own, strict=True):
            assert (encoded.example, encoded.prompt) == (mine.example, mine.prompt)
            assert encoded.views["donor"] != mine.prompt
    theirs = {encoded.prompt: encoded.example.user_id for encoded in own}
    for encoded in prompts_with_thoughts(plan, "shuffled"):
        assert theirs[encoded.views["donor"]] != encoded.example.user_id
    for encoded in prompts_with_thoughts(plan, "other-profile"):
        text = plan.backbones.tokenizer.decode(encoded.views["donor"])
        assert encoded.example.input[:60] in text  # the budget cuts its end
        writers = {
            example.user_id
            for example in plan.test.examples
            if any(entry["reviewText"] in text for entry in example.profile)
        }
        assert len(writers) == 1
        assert encoded.example.user_id not in writers


def with_target_in_profiles(folder, reviews, free):
    """The data with the first test target in the profiles of other users, all but the last `free`;
    and the last user."""
    task = folder / "product_review"
    shutil.copytree(reviews / "product_review", task)
    rows = [json.loads(line) for line in (task / "test.jsonl").read_text("utf-8").splitlines()]
    users = list(dict.fromkeys(row["reviewerId"] for row in rows))
    for row in rows:
        if row["reviewerId"] in users[1 : len(users) - free]:
            row["profile"][-1]["reviewText"] = rows[0]["output"]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (task / "test.jsonl").write_text(text, "utf-8")
    return folder, users[-1]


@pytest.mark.parametrize("name", ["shuffled", "other-profile"])
def test_thoughts_come_from_no_profile_that_holds_the_target(tmp_path, reviews, backbone, name):
    data, free = with_target_in_profiles(tmp_path / "data", reviews, 1)
    chosen = settings(data, backbone, "flythinker", "budget.profile=400")
    plan = Plan(chosen, "flythinker", tmp_path)
    (donor, *_) = (encoded.views["donor"] for encoded in prompts_with_thoughts(plan, name))
    text = plan.backbones.tokenizer.decode(donor)
    (found,) = {
        example.user_id
        for example in plan.test.examples
        if any(entry["reviewText"] in text for entry in example.profile)
    }
    assert found == free


def test_without_a_profile_free_of_the_target_there_are_no_thoughts_of_others(
    tmp_path, reviews, backbone
):
    data, _ = with_target_in_profiles(tmp_path / "data", reviews, 0)
    asked = ("eval.controls=shuffled,other-profile,zero",)
    found = go(tmp_path, data, backbone, "flythinker", *asked).record.controls.thoughts
    assert found["shuffled"] == found["other-profile"] == Thoughts(missing=SHARED)
    assert found["zero"].minus_own is not None


def test_a_single_user_has_no_thoughts_of_others(tmp_path, reviews, backbone):
    asked = ("eval.controls=shuffled,zero", "data.limit=2")
    found = go(tmp_path, reviews, backbone, "flythinker", *asked).record.controls.thoughts
    assert set(found) == {"own", "zero", "shuffled"}
    assert found["shuffled"] == Thoughts(
        missing="one user in the test split; thoughts of another user need at least two"
    )


@pytest.mark.parametrize("method", ["nonpers", "sft", "coconut"])
def test_a_method_without_thoughts_is_named_before_any_work(tmp_path, reviews, backbone, method):
    with pytest.raises(UsageError) as caught:
        go(tmp_path, reviews, backbone, method, "eval.controls=zero")
    assert f"eval.controls = zero: method '{method}' has no thoughts to replace" in str(
        caught.value
    )
    assert not (tmp_path / "results").exists()


def test_of_all_methods_only_those_with_thoughts_are_evaluated():
    asked = ["train.epochs=1", "eval.controls=all"]
    options = RunOptions(set_=asked)
    assert fitting(options, find("method", "flythinker")).set_ == asked
    assert fitting(options, find("method", "sft")).set_ == asked[:1]
    assert fitting(options, SimpleNamespace()).set_ == asked[:1]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("all", CONTROLS), ("zero", ("zero",)), ("zero, noise", ("zero", "noise")),
     ('["own"]', ("own",)), ("[]", ())],
)  # fmt: skip
def test_ways_to_name_the_thoughts(reviews, backbone, text, chosen):
    found = settings(reviews, backbone, "flythinker", f"eval.controls={text}")
    assert found.eval.controls == chosen


def test_an_unknown_kind_of_thoughts_is_named(reviews, backbone):
    with pytest.raises(UsageError, match=r"eval.controls.0 = 'nil'.*'own', 'zero', 'noise'"):
        settings(reviews, backbone, "flythinker", "eval.controls=nil")
