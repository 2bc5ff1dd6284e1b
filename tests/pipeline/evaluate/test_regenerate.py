"""Views whose texts or prefaces fail: the example has no value, and a message counts them."""

import math
from statistics import fmean
from types import SimpleNamespace

import pytest

from baselines.rag import Rag
from flythinker.flythinker import FlyThinker
from harness.engine.decode import NotANumberError
from harness.metrics.likelihood import NoLogprobs, TokenLogprobs
from harness.metrics.slices import slice_tokens
from harness.pipeline import generator
from harness.pipeline.evaluate.profile_swap import donor_examples, nll_scores, swapped_nlls
from harness.pipeline.evaluate.reference_likelihood import by_slice
from harness.pipeline.evaluate.thought_replacement import prompts_with_thoughts
from harness.pipeline.evaluate.token_lift import unlike_record
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.record import read_record
from harness.record.token_file import read_tokens
from harness.reports.compared.recorded import refuse_edited
from harness.reports.runs.boards import load_boards
from tests.support.runs import go, settings
from tests.support.texts import panel


@pytest.fixture
def said(monkeypatch):
    messages = []
    monkeypatch.setattr(Bars, "say", lambda self, text: messages.append(text))
    return messages


def prompts_of(swap, chosen, tmp_path):
    plan = Plan(chosen, "rag", tmp_path)
    return plan.encode(donor_examples(plan).examples[swap])


def failing_rows(prompts, bad):
    rows = {row: 0 for row, prompt in enumerate(prompts) if tuple(prompt) in bad}
    if rows:
        raise NotANumberError(rows, [[] if row in rows else [5] for row in range(len(prompts))])


def fail_prefaces(monkeypatch, method, bad):
    """The method's prefaces fail after the prompts `bad`; the others have one token."""

    def preface(self, lm, prompts, sampling):
        failing_rows(prompts, bad)
        return [[7] for _ in prompts]

    monkeypatch.setattr(method, "longest_preface", lambda self, training: 1)
    monkeypatch.setattr(method, "preface", preface)


def test_a_reference_whose_preface_failed_has_no_lift(
    tmp_path, reviews, backbone, monkeypatch, said
):
    asked = ['eval.lift=["likelihood"]', "eval.donors=2"]
    fail_prefaces(monkeypatch, Rag, set())
    clean = go(tmp_path / "clean", reviews, backbone, "rag", *asked).record
    chosen = settings(reviews, backbone, "rag", *asked)
    one, two = (prompts_of(swap, chosen, tmp_path)[0] for swap in ("empty", "random 0"))
    fail_prefaces(monkeypatch, Rag, {one.prompt, two.prompt})
    outcome = go(tmp_path, reviews, backbone, "rag", *asked)
    record = read_record(outcome.folder)
    assert record.likelihood.value == clean.likelihood.value
    # 1. without a value in the empty profile's mean; the others are as they were
    before, after = (
        {key: each.lift.likelihood for key, each in found.examples.items()}
        for found in (clean, record)
    )
    assert after[one.example.id]["empty"] == dict.fromkeys(before[one.example.id]["empty"])
    known = {key: gains["empty"]["all"] for key, gains in after.items() if key != one.example.id}
    assert known == {key: before[key]["empty"]["all"] for key in known}
    assert record.lift.likelihood["random"]["all"].own_empty.value == pytest.approx(
        fmean(known.values())
    )
    # 2. the other donor's value stays, in the tokens too; those of the empty profile are none
    assert after[two.example.id]["random"]["all"] is not None
    assert after[two.example.id]["random"]["all"] != before[two.example.id]["random"]["all"]
    tokens = read_tokens(outcome.folder, record)
    missing = {
        tokens.examples[row]
        for row, nll in zip(tokens.example, tokens.column("nll_empty"), strict=True)
        if math.isnan(nll)
    }
    assert missing == {one.example.id}
    assert unlike_record(tokens, record) is None
    assert (clean.lift.failed, record.lift.failed) == (0, len({one.example.id, two.example.id}))
    text = said[0]
    assert "1 of 8 prefaces with other prompts or thoughts failed" in text
    assert f"has no likelihood there, e.g. {one.example.id}: NotANumberError" in text


def test_a_slice_without_a_likelihood_says_that_prefaces_failed():
    texts = {"a": "one two", "b": "one two three four", "c": ""}
    plan = SimpleNamespace(
        settings=SimpleNamespace(eval=SimpleNamespace(slices=(0, 3, 6))),
        test=SimpleNamespace(
            examples=[SimpleNamespace(id=key) for key in texts],
            references={key: SimpleNamespace(text=text) for key, text in texts.items()},
        ),
        panel=lambda ids: panel(ids),
    )
    logprobs = {
        key: TokenLogprobs([-1.0] * len(ends), ends)
        for key, text in texts.items()
        for ends in [[end for _, end in slice_tokens(text)]]
    }
    own = nll_scores(plan, by_slice(plan, logprobs))
    lost = logprobs | {"b": NoLogprobs([math.nan] * 4, logprobs["b"].ends)}
    found = swapped_nlls(plan, "random 0", lost, own)
    assert {name: score.missing for name, score in found.items()} == {
        "all": None,
        "0-3": None,
        "3-6": "the preface of every reference with a token in slice 3-6 failed (random 0)",
        "6+": "no reference has a token in slice 6+",
    }
    assert found["0-3"].each == (1.0, None, None)


def test_a_failed_text_of_a_view_is_empty_and_counted(
    tmp_path, reviews, backbone, monkeypatch, said
):
    asked = ['eval.lift=["texts"]', "eval.donors=1"]
    one = prompts_of("empty", settings(reviews, backbone, "rag", *asked), tmp_path)[0]
    real = generator.generate

    def generate(lm, prompts, **options):
        failing_rows(prompts, {one.prompt})
        return real(lm, prompts, **options)

    monkeypatch.setattr(generator, "generate", generate)
    record = go(tmp_path, reviews, backbone, "rag", *asked).record
    (text,) = said
    assert "1 of 8 texts with other prompts or thoughts failed" in text
    assert f"counts as empty there, e.g. {one.example.id}: logits after 0 new tokens" in text
    assert record.lift.failed == 1
    found = record.examples[one.example.id]
    assert found.lift.texts["empty"]["rouge1"] == found.scores["rouge1"]


def test_thoughts_have_no_likelihood_if_a_preface_failed(
    tmp_path, reviews, backbone, monkeypatch, said
):
    asked = ("eval.controls=zero,shuffled", "method.lam=2.0")
    chosen = settings(reviews, backbone, "flythinker", *asked)
    plan = Plan(chosen, "flythinker", tmp_path)
    one = prompts_with_thoughts(plan, "zero")[0]
    calls = []

    def prefaces_or_split(self, batch):
        found = real(self, batch)
        calls.append(len(batch))
        if len(calls) > 3:  # the batches of another kind of thoughts
            return found
        return [
            generator.GeneratedTokens([], [], "not finite") if each.prompt == one.prompt else made
            for each, made in zip(batch, found, strict=True)
        ]

    real = generator.Generator.prefaces_or_split
    monkeypatch.setattr(generator.Generator, "prefaces_or_split", prefaces_or_split)
    fail_prefaces(monkeypatch, FlyThinker, set())
    thoughts = go(tmp_path, reviews, backbone, "flythinker", *asked).record.controls.thoughts
    assert thoughts["zero"].likelihood is None
    assert thoughts["zero"].minus_own.likelihood is None
    assert thoughts["zero"].minus_own.metrics["rouge1"].value is not None
    assert thoughts["shuffled"].minus_own.likelihood.value is not None
    assert {name: each.failed for name, each in thoughts.items()} == {
        "own": None, "zero": 1, "shuffled": 0,
    }  # fmt: skip
    assert "1 of 8 prefaces with other prompts or thoughts failed" in said[0]
    assert said[1] == "no likelihood with thoughts zero: not every reference has one"


@pytest.mark.parametrize("prefaced", [True, False])
def test_a_failed_example_has_no_likelihood_where_its_preface_is_missing(
    tmp_path, reviews, backbone, monkeypatch, said, prefaced
):
    asked = [
        'eval.lift=["likelihood"]', "eval.donors=1", "eval.relative=true", "eval.forced=true",
        "eval.slices=0,5", "eval.controls=zero", "method.lam=2.0",
    ]  # fmt: skip
    if prefaced:
        fail_prefaces(monkeypatch, FlyThinker, set())
    whole = go(tmp_path / "whole", reviews, backbone, "flythinker", *asked).record
    plan = Plan(settings(reviews, backbone, "flythinker", *asked), "flythinker", tmp_path)
    bad = plan.test_prompts[0]
    real = generator.Generator.predictions

    def predictions(self, batch, sample):
        if any(each.prompt == bad.prompt for each in batch):
            raise RuntimeError("no room")
        return real(self, batch, sample)

    monkeypatch.setattr(generator.Generator, "predictions", predictions)
    outcome = go(tmp_path, reviews, backbone, "flythinker", *asked)
    record, key = read_record(outcome.folder), bad.example.id
    found, before = record.examples[key], whole.examples[key]
    assert record.n.failed == 1
    assert record.forced.failed == 2  # its window in each slice
    assert (found.likelihood.nll is None) is prefaced
    assert found.likelihood.slice_tokens == before.likelihood.slice_tokens
    refuse_edited(load_boards([outcome.folder])[0])  # the examples give the record's numbers
    if not prefaced:
        assert record.likelihood == whole.likelihood
        assert record.lift == whole.lift
        return
    # null in the likelihood, in what it is compared with, and token by token
    sums = [
        (sum(each.likelihood.nll), sum(each.likelihood.slice_tokens))
        for name, each in whole.examples.items()
        if name != key
    ]
    nats, tokens = map(sum, zip(*sums, strict=True))
    assert record.likelihood.value == pytest.approx(nats / tokens)
    assert record.likelihood.slices[0].examples == len(whole.examples) - 1
    assert record.likelihood.relative.value is not None
    assert found.lift.likelihood["random"]["all"] is found.lift.likelihood["empty"]["all"] is None
    assert record.controls.thoughts["own"].likelihood is None
    assert "no likelihood with the model's own thoughts: not every reference has one" in said
    tokens = read_tokens(outcome.folder, record)
    missing = {
        tokens.examples[row]
        for row, nll in zip(tokens.example, tokens.column("nll_own"), strict=True)
        if math.isnan(nll)
    }
    assert missing == {key}
    assert unlike_record(tokens, record) is None
