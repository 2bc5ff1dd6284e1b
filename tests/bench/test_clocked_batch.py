"""A generated batch on a clock that the test moves."""

from types import SimpleNamespace

import pytest
import torch

from harness.bench.measure import generation_row
from harness.bench.subject import Case, Generation, Subject, generate_batch
from harness.engine import PersonalLM, decode, slots
from harness.engine.ends import Ends
from harness.engine.visible_text import TextRules
from harness.pipeline import generator
from harness.settings import RunSettings


class FakeClock:
    def __init__(self):
        self.at = 0.0

    def __call__(self):
        return self.at


class SlowLM(PersonalLM):
    """Reads a prompt in two seconds, half of it on three thoughts; a step takes a quarter."""

    hidden_per_example = 3

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def logprobs(self, batch):
        raise NotImplementedError

    def prefill(self, prompts, prefixes=None, views=None):
        self.clock.at += 2.0
        self.hidden_s += 1.0
        return torch.zeros(len(prompts), 5), None

    def step(self, tokens, state):
        self.clock.at += 0.25
        return torch.zeros(len(tokens), 5), None


def test_a_generated_batch_by_the_clock(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr(generator, "now", clock)
    monkeypatch.setattr(decode, "now", clock)
    monkeypatch.setattr(slots, "now", clock)

    def preface(lm, prompts, sampling):
        clock.at += 4.0
        return [[7, 8], [7]][: len(prompts)]

    example = SimpleNamespace(id="e")
    encoded = [SimpleNamespace(example=example, prompt=(1, 2), views={}) for _ in range(3)]
    plan = SimpleNamespace(
        settings=RunSettings(),
        rules=TextRules(None, Ends((1,), frozenset({0, 1, 2, 3, 4}))),
        test_prompts=encoded,
        method=SimpleNamespace(preface=preface, longest_preface=lambda training: 2),
    )
    timed = Subject(plan, SlowLM(clock), torch.device("cpu"), torch.float32)
    # 4 s of prefaces and 2 s to the first of 5 tokens, 4 steps; 3 preface tokens, 2 · 3 thoughts
    one = generate_batch(timed, Case(batch=2, tokens=5))
    assert one == Generation(4.0, 6.0, 0.25, 7.0, 1.0, 9)
    assert one.first_s + 4 * one.step_s == one.total_s
    row = generation_row(Case(2, 5), [one, one], {"sft": [one, one]})
    assert row["tokens_per_s"] == pytest.approx(2 * 5 / 7)
    assert row["hidden_tokens"] == 4.5
    assert row["total_ratio"] == {"value": 1, "low": 1, "high": 1}
    assert generate_batch(timed, Case(batch=1, tokens=1)).step_s is None
