"""The forced view of a run: models whose next words are known."""

import numpy as np
import pytest
import torch

from harness.engine.ends import ends_of
from harness.engine.lm import CausalLM
from harness.engine.text import Encoded, decode, encode_response
from harness.method import Method
from harness.metrics.slices import slice_tokens
from harness.pipeline.evaluate import continuation
from harness.pipeline.evaluate.continuation import _tokens
from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.reports.compared.parts import continuation_at
from harness.settings import build_settings
from tests.support.runs import settings


class Knowing(CausalLM):
    """Writes, after each prompt that it knows, the reference, as long as `knows` what is given."""

    def knows(self, given):
        return True

    def prefill(self, prompts, prefixes=None, views=None):
        prefixes = prefixes or [()] * len(prompts)
        state = [
            (self.known[tuple(prompt)], len(prefix), self.knows(prefix))
            for prompt, prefix in zip(prompts, prefixes, strict=True)
        ]
        return self._logits(state), state

    def step(self, tokens, state):
        state = [(text, at + 1, good) for text, at, good in state]
        return self._logits(state), state

    def _logits(self, state):
        logits = torch.zeros(len(state), self.model.config.vocab_size)
        for row, (text, at, good) in enumerate(state):
            logits[row, (text[at] if at < len(text) else text[-1]) if good else 5] = 1.0
        return logits


class Copier(Method):
    name = "copier"
    lm = Knowing

    def build(self, backbones):
        lm = self.lm(backbones.main)
        plan = Plan(self.settings, self.name, "", type(self))
        tokenizer = lm.tokenizer = backbones.tokenizer
        lm.known = {
            reading.prompt: (
                *encode_response(tokenizer, plan.test.references[reading.example.id].text).ids,
                *ends_of(tokenizer).trained,
            )
            for reading in plan.test_prompts
        }
        return lm


ASKED = ("eval.forced=true", "eval.slices=[0,8,16]", "decode.max_new_tokens=120")


@pytest.fixture(autouse=True)
def untried(monkeypatch):
    """Models whose next tokens are known by heart do not pass the trial of a real one's ways."""
    monkeypatch.setattr("harness.pipeline.local.refuse_wrong_ways", lambda *_, **__: None)


@pytest.fixture
def copied(tmp_path, reviews, backbone):
    def go(*more, factory=Copier):
        chosen = settings(reviews, backbone, "rag", *ASKED, *more)
        return run(chosen, factory.name, tmp_path / "results", factory=factory).record

    return go


def test_a_model_that_copies_the_reference_scores_100_in_every_window(copied):
    found = copied().forced
    assert (found.window, found.windows, found.ended) == (100, 24, 0)
    for name in ("bleu", "rouge1"):
        forced = found.metrics[name]
        assert forced.value == pytest.approx(100)
        assert [each.value for each in forced.slices] == pytest.approx([100] * 3)
        assert [each.examples for each in forced.slices] == [8, 8, 8]
        assert forced.drift.value == pytest.approx(0, abs=1e-9)
    assert "following" not in found.metrics


def test_windows_are_filled_in_as_many_rounds_as_they_need(copied, monkeypatch):
    monkeypatch.setattr(continuation, "SPARE", 0.0)  # four tokens a round
    monkeypatch.setattr(continuation, "ROUNDS", 1)
    short = copied().forced
    assert short.ended == 16  # but for the first windows, which the free text has
    monkeypatch.setattr(continuation, "ROUNDS", 40)
    assert copied("decode.batch_size=2").forced.metrics["rouge1"].value == pytest.approx(100)


def test_forgetting_late_in_the_text_shows_in_the_last_window_only(copied):
    class Forgetting(Knowing):
        def knows(self, given):
            return len(slice_tokens(decode(self.tokenizer, given))) < 12

    class Forgetful(Copier):
        name = "forgetful"
        lm = Forgetting

    record = copied(factory=Forgetful)
    assert [each.value for each in record.forced.metrics["rouge1"].slices] == [100, 100, 0]
    assert record.forced.metrics["rouge1"].drift.value < 0
    examples = list(record.examples.values())
    assert examples[0].forced["rouge1"] == (100, 100, 0)
    # BLEU is no mean: a slice's value is that of the sum of its windows' rows, not their mean
    for index, part in enumerate(record.forced.metrics["bleu"].slices):
        measure = continuation_at("bleu", index)
        rows = np.array([measure.row(each) for each in examples])
        assert float(measure.statistic.value(rows.sum(axis=0))) == pytest.approx(part.value)
    assert set(examples[0].forced_rows) == {"bleu"}


def test_failed_examples_have_empty_windows(copied):
    class Failing(Knowing):
        def prefill(self, prompts, prefixes=None, views=None):
            if any(tuple(prompt) == self.first for prompt in prompts):
                raise RuntimeError("no room for this one")
            return super().prefill(prompts, prefixes, views)

        @property
        def first(self):
            return next(iter(self.known))

    class Broken(Copier):
        name = "broken"
        lm = Failing

    record = copied(factory=Broken)
    assert record.n.failed == 1
    values = [each.forced["rouge1"] for each in record.examples.values()]
    assert values.count((0, 0, 0)) == 1
    assert values.count((100, 100, 100)) == 7


def test_a_token_that_ends_in_white_space_is_not_given():
    text = "ab, cd ... e"
    coded = Encoded((1, 2, 3, 4, 5, 6), (2, 3, 6, 7, 10, 12))  # "ab" "," " cd" " " "..." " e"
    # words ab , cd . . . e: up to "cd" are three tokens, the space is written by the model
    assert [_tokens(coded, text, word) for word in (0, 1, 3, 6, 7)] == [0, 1, 3, 5, 6]


def test_on_mini_a_copy_follows_every_call_of_every_window(tmp_path):
    chosen = build_settings(
        "mini",
        ["data.limit=2", "decode.temperature=0", "eval.forced=true", 'eval.metrics=["rouge1"]',
         "eval.resamples=100", "eval.likelihood=false", "eval.authors=false"],
    )  # fmt: skip
    record = run(chosen, "copier", tmp_path, factory=Copier).record
    found = record.forced.metrics["following"]
    assert found.value == 100
    assert [each.value for each in found.slices] == [100] * 4
    assert found.drift.value == pytest.approx(0)
