"""Prompts of many examples: made once and by all cores, the same as one by one."""

from __future__ import annotations

import multiprocessing

import pytest

from harness.method import Method
from harness.pipeline import plan as plans
from harness.pipeline import prepared_prompts
from harness.pipeline.plan import Plan
from tests.support.runs import go, settings, texts


@pytest.fixture(autouse=True)
def many(monkeypatch, tmp_path):
    """Every split is large; the cache is this test's own."""
    monkeypatch.setattr(prepared_prompts, "MANY", 1)
    monkeypatch.setattr(prepared_prompts, "TOGETHER", 2)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.fixture
def planned(tmp_path, reviews, backbone):
    def make(*assignments, factory=None, method="sft"):
        return Plan(settings(reviews, backbone, method, *assignments), method, tmp_path, factory)

    return make


@pytest.fixture
def made(monkeypatch):
    """Ids of the examples whose prompts this process makes."""
    ids, real = [], Method.prompt

    def prompt(self, example):
        ids.append(example.id)
        return real(self, example)

    monkeypatch.setattr(Method, "prompt", prompt)
    monkeypatch.setattr(prepared_prompts, "AGAIN", 1)
    return ids


def cached(tmp_path):
    return len(list((tmp_path / "cache" / "prepared" / "prompts").glob("[!.]*")))


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("dropout", [0, 0.5])
def test_they_are_those_made_one_by_one(planned, monkeypatch, cores, dropout):
    share = f"train.profile_dropout={dropout}"
    monkeypatch.setattr(prepared_prompts, "MANY", 1000)
    plain = planned(share)
    expected = [plain.test_prompts, plain.encoded("train"), plain.encoded("val")]
    monkeypatch.setattr(prepared_prompts, "MANY", 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    for _ in ("made", "from the cache"):
        plan = planned(share)
        assert [plan.test_prompts, plan.encoded("train"), plan.encoded("val")] == expected


def test_a_second_run_makes_only_a_sample(planned, monkeypatch, made):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    first = planned().test_prompts
    assert len(made) == len(first) + 1
    made.clear()
    assert planned().test_prompts == first
    assert planned("seed=1").test_prompts == first
    assert made == [first[0].example.id] * 2
    made.clear()
    fresh = planned()
    fresh.fresh = True
    assert fresh.test_prompts == first
    assert len(made) == len(first) + 1


def test_prompts_without_profile_are_cached_too(planned, monkeypatch, made):
    share = "train.profile_dropout=0.5"
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    first = planned(share).encoded("train")
    made.clear()
    assert planned(share).encoded("train") == first
    bare = next(one.example for one in first if not one.example.profile)
    assert made == [bare.id, first[0].example.id]  # a sample of each


def test_few_examples_with_large_profiles_are_cached(planned, monkeypatch, tmp_path):
    monkeypatch.setattr(prepared_prompts, "MANY", 1000)
    assert planned().test_prompts
    assert not cached(tmp_path)
    monkeypatch.setattr(prepared_prompts, "LARGE", 1)
    assert planned().test_prompts
    assert cached(tmp_path) == 1


def test_what_shapes_a_prompt_is_in_the_key(planned, tmp_path):
    first = planned()
    assert first.test_prompts
    for count, change in enumerate(
        ["budget.profile=40", "retrieval.ranking=recency", "retrieval.k=1", "data.limit=3",
         "model.template_date=2020-01-01"], 2,
    ):  # fmt: skip
        assert planned(change).test_prompts
        assert cached(tmp_path) == count
    for same in ("seed=1", "train.lr=1e-4", "decode.max_new_tokens=5"):
        assert planned(same).test_prompts == first.test_prompts
        assert cached(tmp_path) == count


class Shouting(Method):
    name = "shouting"
    word = "A"

    def prompt(self, example):
        found = super().prompt(example)
        return type(found)(example.id, {"main": found.views["main"] + self.word, "other": "x"})


def test_a_key_that_misses_something_is_noticed(planned, monkeypatch, caplog):
    first = planned(factory=Shouting, method="rag").test_prompts
    assert first[0].text.endswith("A")
    assert first[0].views["other"]
    monkeypatch.setattr(Shouting, "word", "B")  # no file changed
    second = planned(factory=Shouting, method="rag").test_prompts
    assert all(one.text.endswith("B") for one in second)
    assert "making them again" in caplog.text


def test_what_a_method_prepares_belongs_to_its_run(planned, tmp_path):
    class Preparing(Method):
        name = "preparing"

        def prepare(self, examples):
            raise AssertionError

    assert planned(factory=Preparing, method="rag").test_prompts
    assert not (tmp_path / "cache").exists()


class Broken(Method):
    name = "broken"

    def prompt(self, example):
        assert multiprocessing.parent_process() is None, "in a worker"
        raise ZeroDivisionError(f"at {example.id}")


def test_an_error_is_that_of_this_process(planned, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1})
    plan = planned(factory=Broken, method="rag")
    with pytest.raises(ZeroDivisionError, match=f"at {plan.test.examples[0].id}"):
        _ = plan.test_prompts


def test_a_run_gives_the_same_texts(tmp_path, reviews, backbone, monkeypatch):
    first = go(tmp_path / "a", reviews, backbone, "sft", "train.profile_dropout=0.5")
    again = go(tmp_path / "b", reviews, backbone, "sft", "train.profile_dropout=0.5")
    monkeypatch.setattr(plans, "is_prepared", lambda plan, examples: False)
    plain = go(tmp_path / "c", reviews, backbone, "sft", "train.profile_dropout=0.5")
    assert texts(first) == texts(again) == texts(plain)
