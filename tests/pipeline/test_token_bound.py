"""Batches of texts bounded by tokens: planned from the preset, lowered by low memory alone."""

from types import SimpleNamespace

import pytest
import torch

from flythinker import FlyThinkerLM
from harness.engine import CausalLM, generate, token_bound
from harness.engine.token_bound import rows_at_once, set_bound, tokens_at_once, tokens_bounded
from harness.pipeline import generate as generate_module
from harness.pipeline import generator as generator_module
from harness.pipeline.evaluate.continuation import Span, Window, _batches, most_tokens
from harness.pipeline.evaluate.regenerate import texts_of
from harness.pipeline.generator import Generator
from harness.pipeline.job import MAIN, Job
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.record import read_record
from tests.support.prefills import noted_prefills
from tests.support.runs import StopNowError, go, settings, stop_now, texts
from tests.support.tiny import tiny

CPU = torch.device("cpu")
A_TOKEN = 2 * 2 * 2 * 8 * 4
"""Bytes of `tiny()`: keys and values, two layers, two heads of eight, float32."""


@pytest.mark.parametrize(
    ("longest", "most", "rows"), [(100, None, 8), (100, 1000, 8), (100, 450, 4), (100, 50, 1)]
)
def test_rows_of_a_batch(longest, most, rows):
    assert rows_at_once(longest, 8, most) == rows


@pytest.mark.parametrize(
    ("lm", "bytes_of_token"),
    [(CausalLM(tiny()), A_TOKEN), (FlyThinkerLM(tiny(), tiny(seed=1)), 2 * A_TOKEN)],
    ids=["sft", "flythinker"],
)
def test_low_memory_lowers_the_bound_and_more_memory_does_not_raise_it(
    monkeypatch, lm, bytes_of_token
):
    said = []
    for free, expected in ((1000, 800), (1250, 1000), (1e6, 1000), (0, 1)):
        monkeypatch.setattr(token_bound, "free_bytes", lambda _, free=free: free * bytes_of_token)
        assert tokens_at_once(1000, lm, said.append) == expected
    assert said[0] == "free memory holds 800 tokens at once; decode.tokens_at_once is 1,000"
    assert len(said) == 2
    assert tokens_at_once(None, lm, said.append) is None


def test_free_memory_is_read_from_the_system(tmp_path, monkeypatch):
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  9 kB\nMemAvailable:   3 kB\n")
    monkeypatch.setattr(token_bound, "MEMORY", file)
    assert token_bound.free_bytes(CPU) == 3 * 1024
    monkeypatch.setattr(token_bound, "MEMORY", tmp_path / "none")
    assert tokens_at_once(10, CausalLM(tiny()), print) == 10


def test_batches_hold_no_more_tokens_than_the_bound(tmp_path, reviews, backbone):
    own = settings(reviews, backbone, "nonpers", "decode.tokens_at_once=150")
    plan = Plan(own, "nonpers", tmp_path)
    batches = Generator(plan, CausalLM(tiny())).batches(plan.test_prompts)
    sizes = [len(batch) * (len(batch[0].prompt) + 12) for batch in batches]
    assert all(len(batch) == 1 or size <= 150 for batch, size in zip(batches, sizes, strict=True))
    assert sorted(each.example.id for batch in batches for each in batch) == sorted(
        each.example.id for each in plan.test_prompts
    )


@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize("joins", [False, True])
def test_rows_in_the_model_hold_no_more_tokens_than_the_bound(
    tmp_path, reviews, backbone, monkeypatch, slots, joins
):
    own = settings(
        reviews,
        backbone,
        "nonpers",
        "decode.batch_size=4",
        f"decode.slots={slots}".lower(),
        "decode.tokens_at_once=1000",
    )
    plan = Plan(own, "nonpers", tmp_path)
    longest = max(len(each.prompt) for each in plan.test_prompts) + own.decode.max_new_tokens
    plan.tokens_at_once = 2 * longest + longest // 2  # two of the longest, and half of one
    monkeypatch.setattr(generator_module, "rows_join", lambda lm: joins)
    batch = Generator(plan, None).batches(plan.test_prompts)[0]
    together = 4 * plan.tokens_at_once // longest if slots and joins else 2
    assert len(batch) == min(len(plan.test_prompts), together)
    asked = []

    def generate(lm, prompts, *, rows_at_once, **more):
        asked.append(min(rows_at_once, len(prompts)))
        return [[1] for _ in prompts]

    monkeypatch.setattr(generator_module, "generate", generate)
    job = Job(plan, Bars(quiet=True))
    job.team.warm.add(MAIN)
    monkeypatch.setattr(generate_module, "step_of", lambda lm: "none")
    lm = SimpleNamespace(hidden_s=0.0, hidden_per_example=0)
    generate_module.generate_batch(job, lm, (0, batch))
    texts_of(job, lm, batch)
    assert asked == [2, 2]


def test_generate_has_no_more_tokens_in_a_model_than_the_bound(monkeypatch):
    lm, prompts = CausalLM(tiny()), [[1 + row] * (3 + row) for row in range(5)]
    prefills = noted_prefills(monkeypatch)
    free = generate(lm, prompts, max_new_tokens=4)
    with tokens_bounded(24):
        assert generate(lm, prompts, max_new_tokens=4) == free
        set_bound(5)
        assert generate(lm, prompts, max_new_tokens=4, rows_at_once=3) == free
    assert generate(lm, prompts, max_new_tokens=4) == free
    # 24 tokens hold two rows of 7 + 4; 5 hold none, and a row by itself is never refused
    assert [len(rows) for rows in prefills] == [5, 2, 2, 1, *[1] * 5, 5]


def test_windows_of_continuations_hold_no_more_tokens_than_the_bound(tmp_path, reviews, backbone):
    plan = Plan(settings(reviews, backbone, "nonpers", "decode.batch_size=4"), "nonpers", tmp_path)
    encoded = plan.test_prompts[0]
    windows = [Window(encoded, (1,) * 10, (1,) * given, Span(1, 1, given, 5)) for given in range(6)]
    most = most_tokens([5])
    plan.tokens_at_once = 2 * (15 + most)
    sizes = [[len(each) for each in batch] for batch in _batches(windows, plan)]
    assert sizes == [[15, 14], [13, 12], [11, 10]]
    plan.tokens_at_once = None
    assert list(map(len, _batches(windows, plan))) == [4, 2]


def test_a_resumed_run_keeps_its_bound(tmp_path, reviews, backbone, monkeypatch):
    def free(rows):
        monkeypatch.setattr(token_bound, "free_bytes", lambda _: rows * 4096 * 512)

    bounded = ("nonpers", "decode.tokens_at_once=2000000")
    real = generate_module.append_lines

    def stop(*given):
        real(*given)
        monkeypatch.setattr(generate_module, "append_lines", stop_now)

    free(1)
    monkeypatch.setattr(generate_module, "append_lines", stop)
    with pytest.raises(StopNowError):
        go(tmp_path, reviews, backbone, *bounded)
    monkeypatch.setattr(generate_module, "append_lines", real)
    free(1000)
    resumed = go(tmp_path, reviews, backbone, *bounded)
    bound = read_record(resumed.folder / "record.json").inference.tokens_at_once
    free(1)
    whole = go(tmp_path / "whole", reviews, backbone, *bounded)
    assert bound == whole.record.inference.tokens_at_once < 2_000_000
    assert texts(resumed) == texts(whole)
