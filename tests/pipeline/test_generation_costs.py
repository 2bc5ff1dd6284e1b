"""Times of generation: whole batches, hidden text, thoughts before a text."""

from dataclasses import replace

import pytest

from baselines.coconut import CoconutLM
from harness.engine import generate
from harness.engine.clock import DecodeClock
from harness.pipeline import generator as generate_module
from harness.pipeline.generator import Generator
from tests.support.clock import Clock
from tests.support.runs import go
from tests.support.tiny import tiny


def test_generation_times_are_of_whole_batches(tmp_path, reviews, backbone):
    cost = go(tmp_path, reviews, backbone, "coconut").record.inference
    assert (cost.batches_timed, cost.examples_timed) == (3, 8)  # 3 + 3 + 2
    assert cost.hidden_tokens == 4 * 8
    assert 0 < cost.latent_s < cost.decode_s
    low, high = cost.end_to_end_quartiles_s
    assert 0 < low <= cost.end_to_end_s <= high
    assert cost.seconds_per_example * 8 >= cost.decode_s
    spent = cost.seconds_per_example * 8
    assert cost.tokens_per_s == pytest.approx(cost.visible_tokens / spent)


@pytest.mark.parametrize("why", ["failed", "damaged"])
def test_a_batch_that_is_generated_again_is_timed_once(
    tmp_path, reviews, backbone, monkeypatch, why
):
    real = Generator.predictions

    def one_fails(self, batch, sample):
        first, *others = real(self, batch, sample)
        return [replace(first, output="", tokens=0, error="failed"), *others]

    with monkeypatch.context() as patch:
        if why == "failed":
            patch.setattr(Generator, "predictions", one_fails)
        outcome = go(tmp_path, reviews, backbone, "rag")
    cost = outcome.record.inference
    if why == "failed":  # in each batch: no time is that of its texts
        assert (cost.batches_timed, cost.examples_timed, cost.decode_s) == (0, 0, None)
    else:
        path = outcome.folder / "predictions.jsonl"
        path.write_bytes(path.read_bytes().replace(b'"output": "', b'"output": "x', 1))
    again = go(tmp_path, reviews, backbone, "rag").record
    assert again.status == "complete"
    spent = again.inference
    assert (spent.batches_timed, spent.examples_timed) == (3, 8)
    assert spent.tokens_per_s == pytest.approx(
        spent.visible_tokens / (8 * spent.seconds_per_example)
    )
    assert why == "failed" or spent.decode_s == cost.decode_s


def test_hidden_text_delays_the_first_token_and_counts_in_tokens_per_second(
    tmp_path, reviews, backbone, monkeypatch
):
    clock = Clock()
    monkeypatch.setattr(generate_module, "now", clock)

    def prefaces(self, batch, sample):
        clock.passes(10.0)
        return [[1, 2] for _ in batch]

    def texts(lm, prompts, **named):
        named["clock"].add(first=[1.0], total=4.0, steps=3, tokens=4 * len(prompts))
        clock.passes(4.0)
        return [[5, 6, 7, 8] for _ in prompts]

    monkeypatch.setattr(Generator, "prefaces", prefaces)
    monkeypatch.setattr(generate_module, "generate", texts)
    monkeypatch.setattr(Generator, "warm_up", lambda *_: None)
    cost = go(tmp_path, reviews, backbone, "rag", "eval.likelihood=false").record.inference
    # 8 texts in 3 batches of 10 s hidden and 4 s visible each: first token at 10 + 1 s
    assert cost.time_to_first_token_s == 11.0
    assert cost.time_per_step_s == 1.0
    assert cost.end_to_end_s == 14.0
    assert cost.seconds_per_example == 42.0 / 8
    assert cost.tokens_per_s == 8 * 4 / 42.0
    assert (cost.preface_s, cost.decode_s) == (30.0, 12.0)
    assert cost.preface_tokens == cost.preface_timed == 16


def test_thoughts_before_a_text_are_timed_within_its_first_token():
    lm, clock = CoconutLM(tiny(), n_thoughts=3), DecodeClock()
    generate(lm, [[1, 2, 3]], max_new_tokens=2, clock=clock)
    assert 0 < lm.hidden_s < clock.first[0]
