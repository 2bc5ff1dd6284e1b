"""Tokens of many references: made once, the same as one by one."""

from __future__ import annotations

import pytest

from harness.engine.text import plain_ids
from harness.pipeline import plan as plans
from harness.pipeline import prepared_targets as module
from harness.pipeline.plan import Plan
from harness.types import Target
from tests.support.runs import settings


@pytest.fixture(autouse=True)
def many(monkeypatch, tmp_path):
    """Every split is large; the cache is this test's own."""
    monkeypatch.setattr(module, "MANY", 1)
    monkeypatch.setattr(module, "TOGETHER", 2)
    monkeypatch.setattr(module, "AGAIN", 1)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.fixture
def encoded(monkeypatch):
    """Texts that this process encodes."""
    texts = []

    def encode(tokenizer, text):
        texts.append(text)
        return plain_ids(tokenizer, text)

    for each in (module, plans):
        monkeypatch.setattr(each, "plain_ids", encode)
    return texts


@pytest.fixture
def rows_of(tmp_path, reviews, backbone):
    def make(*assignments, fresh=False):
        plan = Plan(settings(reviews, backbone, "sft", *assignments), "sft", tmp_path)
        plan.fresh = fresh
        found = []
        for name in ("train", "val"):
            pairs = plan.pairs(name)
            targets = [Target(each.example.id, each.reference.text) for each in pairs]
            found += plan.rows(pairs, targets, plan.encoded(name))[0]
        return found

    return make


@pytest.mark.parametrize("cores", [1, 2])
def test_rows_are_those_of_targets_encoded_one_by_one(rows_of, monkeypatch, cores):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    made, cached = rows_of(), rows_of()
    monkeypatch.setattr(module, "MANY", 1000)
    assert made == cached == rows_of()


def test_a_second_run_encodes_only_a_sample(rows_of, encoded, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    first = rows_of()
    assert len(encoded) == len(first) + 2  # one of train and one of val again
    for again in (rows_of, lambda: rows_of("seed=1")):
        encoded.clear()
        assert len(again()) == len(first)
        assert len(encoded) == 2
    encoded.clear()
    assert rows_of(fresh=True) == first
    assert len(encoded) == len(first) + 2


def test_a_key_that_misses_something_is_noticed(rows_of, monkeypatch, caplog):
    first = rows_of()
    real = module.plain_ids
    monkeypatch.setattr(module, "plain_ids", lambda tokenizer, text: real(tokenizer, text)[:1])
    assert [row.response[:1] for row in rows_of()] == [row.response[:1] for row in first]
    assert "making them again" in caplog.text
