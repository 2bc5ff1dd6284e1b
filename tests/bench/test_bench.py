"""The bench: order of the rounds, arithmetic on made-up times, the shape of what it tells."""

import io
import json
import math

import numpy as np
import pytest
import torch
from rich.console import Console

from harness.bench import measure, subject
from harness.bench.measure import Bench, bench
from harness.bench.memory import Request, peaks
from harness.bench.ratios import ratio, timing
from harness.bench.report import markdown, show, tables
from harness.bench.subject import Case
from harness.bench.tables import conditions, warnings
from harness.cli import bench as verb
from harness.cli.options import ModelOptions
from harness.engine.clock import interleaved
from harness.errors import UsageError
from harness.pipeline.plan import Plan
from harness.progress import Bars
from harness.registry import find
from harness.reports.render.markdown import titled
from harness.settings import build_settings


def test_rounds_are_interleaved_and_the_first_does_not_count():
    ran = []
    work = {name: lambda name=name: ran.append(name) or len(ran) for name in "AB"}
    found = interleaved(work, times=2, warmup=1, after=lambda name: ran.append(name.lower()))
    assert "".join(ran) == "AaBbAaBbAaBb"
    assert found == {"A": [5, 9], "B": [7, 11]}


def test_a_ratio_is_of_paired_rounds():
    # the same in every round, whatever disturbs the machine
    assert ratio([2, 4, 6], [1, 2, 3]) == pytest.approx({"value": 2, "low": 2, "high": 2})
    # quotients 1 and 4: mean of logs log 2, error log 4/√2/√2 = log 2; t (1 degree) 12.7062
    found = ratio([2.0, 8.0], [2.0, 2.0])
    assert found["value"] == pytest.approx(2)
    assert found["high"] == pytest.approx(2 ** (1 + 12.7062), rel=1e-4)
    assert found["low"] == pytest.approx(2 ** (1 - 12.7062), rel=1e-4)
    one = ratio([3.0], [2.0])
    assert (one["value"], one["low"], one["high"]) == (pytest.approx(1.5), None, None)
    assert ratio([None, None], [1.0, 1.0]) is None


def test_a_spike_in_one_round_of_the_baseline_decides_nothing():
    # twice as slow in four rounds; in the fifth the baseline stands still, 100 times its time
    found = ratio([2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 100.0])
    assert found["low"] < 1 < 2 < found["high"]
    turned = ratio([1.0, 1.0, 1.0, 1.0, 100.0], [2.0, 2.0, 2.0, 2.0, 2.0])
    assert turned["high"] == pytest.approx(1 / found["low"])


@pytest.mark.parametrize("rounds", [3, 5, 20])
def test_an_interval_of_few_rounds_covers_what_it_says(rounds):
    # each round has its own disturbance, shared by both; each time 2 % noise of its own
    draw, covered = np.random.default_rng(0), 0
    for _ in range(1000):
        disturbed = np.exp(0.2 * draw.standard_normal(rounds))
        ours, theirs = disturbed * np.exp(0.02 * draw.standard_normal((2, rounds)))
        found = ratio(list(1.3 * ours), list(theirs))
        covered += found["low"] <= 1.3 <= found["high"]
    assert 930 <= covered <= 970


def test_what_is_found_here_a_time():
    assert timing("step", [3.0, 1.0, 2.0], [1.0, 1.0, 1.0]) | {"step_ratio": 0} == {
        "step_s": 2.0, "step_quartiles_s": [1.5, 2.5], "step_each_s": [3.0, 1.0, 2.0],
        "step_ratio": 0,
    }  # fmt: skip
    assert set(timing("step", [None], [None]).values()) == {None}


def chosen(reviews, backbone, *names, **options):
    assignments = [
        f"data.source={reviews}", f"model.backbone={backbone}", "budget.profile=80",
        "train.batch_size=2",
    ]  # fmt: skip
    return {
        name: (find("method", name), build_settings("mini", assignments, options)) for name in names
    }


@pytest.fixture(scope="module")
def found(reviews, backbone):
    asked = []

    def memory(request):
        asked.append(request)
        return {"method": request.method, "before_mib": 1.0, "writing_mib": 3.5,
                "training_mib": None}  # fmt: skip

    few = {"method": {}}
    methods = chosen(reviews, backbone, "sft", "rag", "flythinker", "coconut", **few)
    result = bench(Bench(methods, [1, 2], [1, 4], 2), Bars(quiet=True), memory=memory)
    assert [(request.method, request.case) for request in asked] == [
        (name, Case(2, 4)) for name in methods
    ]
    return {"command": "harness bench …"} | result


def test_what_a_bench_tells_is_json_of_one_shape(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert set(found) == {
        "command", "machine", "code", "packages", "load", "preset", "task", "backbone", "baseline",
        "repeats", "warm_up", "steps_timed", "parameters", "writing", "training", "memory",
        "phases", "wall_s",
    }  # fmt: skip
    assert list(found["phases"]) == ["data", "memory", "loading", "writing", "training"]
    assert sum(found["phases"].values()) == pytest.approx(found["wall_s"], rel=0.02, abs=0.1)
    assert {"device", "dtype", "threads"} <= set(found["machine"])
    assert len(found["writing"]) == 4 * 4
    for row in found["writing"]:
        assert set(row) == {
            "method", "prompt_tokens", "batch", "tokens", "hidden_tokens", "preface_s", "latent_s",
            "tokens_per_s",
            *(f"{name}_{what}" for name in ("first", "step", "total")
              for what in ("s", "quartiles_s", "each_s", "ratio")),
        }  # fmt: skip
        assert len(row["total_each_s"]) == 2
        assert row["total_s"] >= row["first_s"] > 0
        assert (row["step_s"] is None) == (row["tokens"] == 1)
        assert row["hidden_tokens"] == (4 if row["method"] == "coconut" else 0)
        assert (row["latent_s"] > 0) == (row["method"] == "coconut")
    for row in found["writing"] + found["training"]:
        if row["method"] == "sft":
            ratios = [row[name] for name in row if name.endswith("_ratio") and row[name]]
            assert all(each == {"value": 1, "low": 1, "high": 1} for each in ratios)
    assert [row["method"] for row in found["training"]] == ["sft", "flythinker", "coconut"]
    assert len({row["tokens"] for row in found["training"]}) == 1  # the same rows for all
    assert found["parameters"]["flythinker"] == 2 * found["parameters"]["sft"]


def test_training_changes_no_weight(reviews, backbone):
    ((_, (factory, settings)),) = chosen(reviews, backbone, "sft").items()
    timed = subject.for_training(subject.planned(settings, "sft", factory, 1))
    before = {name: part.clone() for name, part in timed.lm.named_parameters()}
    rows, _ = subject.training_rows(timed)
    assert len(rows) == 2
    assert subject.step_seconds(timed, rows) > 0
    assert all(torch.equal(part, before[name]) for name, part in timed.lm.named_parameters())


def test_tables_say_what_and_under_which_conditions(found):
    titles = [table.title for table in tables(found)]
    assert titles == [
        *(f"Generation, batch {batch}, {tokens} tokens per text"
          for batch in (1, 2) for tokens in (1, 4)),
        "Generation: time ÷ sft's, below 1 is faster",
        "Training: an optimizer step on the same 2 examples",
        "Peak memory, MiB (resident, libraries included), each method in its own process;"
        " generation batch 2, 4 tokens",
    ]  # fmt: skip
    text = markdown(found)
    assert text.startswith("```\nharness bench …\n```")
    assert "float32, 1 thread; torch " in text
    assert "Median [quartiles] of 2 rounds" in text
    assert "first token: time to the batch's first visible token" in text
    lines = [line for line in text.splitlines() if line.startswith("| sft")]
    assert len(lines) == 6
    assert lines[-1] == "| sft | " + f"{found['parameters']['sft']:,} | 1 | 4 | – |"
    assert "| sft | " not in titled(tables(found)[4])  # the baseline over itself
    for table in tables(found):
        assert {len(row) for row in table.rows} == {len(table.columns)}


def test_every_table_fits_a_terminal_without_losing_a_number(found):
    console = Console(width=80, record=True, file=io.StringIO())
    show(console, found)
    text = console.export_text()
    assert "…" not in text.replace("ABAB…", "")
    assert "Median [quartiles] of 2 rounds" in " ".join(text.split())
    for row in found["writing"]:
        assert f"{row['tokens_per_s']:,.0f}" in text


def test_a_busy_machine_gives_a_warning():
    machine = {"device": "cpu", "accelerator": None, "processor": "x", "cores": 2, "threads": 2,
               "dtype": "float32"}  # fmt: skip
    code = {"commit": "0123456789abcdef", "clean": False}
    found = {"machine": machine, "packages": {"torch": "2", "transformers": "5"}, "code": code}
    busy, calm = ({"before": each, "after": 2.0} for each in (1.0, 0.9))
    assert conditions(found | {"load": calm}) == (
        "cpu (x, 2 cores), float32, 2 threads; torch 2, transformers 5; commit 0123456, changed;"
        " load average 0.9 before, 2.0 after"
    )
    assert warnings(found | {"load": calm}) == []
    (found_here,) = warnings(found | {"load": busy})
    assert "load average 1.0 on 2 cores before the first measurement" in found_here
    assert "Measure again when the load is below 1" in found_here
    assert warnings(found | {"load": {"before": None, "after": None}}) == []


def test_memory_of_a_method_alone(reviews, backbone):
    for name in ("rag", "sft"):
        _, settings = chosen(reviews, backbone, name)[name]
        found_here = peaks(Request(name, (), settings, Case(1, 2)))
        assert 0 < found_here["before_mib"] <= found_here["writing_mib"]
        assert (found_here["training_mib"] is None) == (name == "rag")


@pytest.mark.slow
def test_memory_is_measured_in_a_fresh_process(reviews, backbone):
    _, settings = chosen(reviews, backbone, "sft")["sft"]
    ballast = torch.ones(100, 1 << 20)  # 400 MiB of this process
    found_here = measure.peak_memory(Request("sft", (), settings, Case(1, 2)))
    assert found_here["training_mib"] < 900
    assert math.isclose(float(ballast[0, 0]), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": "1,x"}, "--batch 1,x; expected whole numbers from 1, e.g. --batch 1,8"),
        ({"batch": "0"}, "--batch 0; expected"),
        ({"tokens": ""}, "--tokens ; expected"),
        ({"repeats": 0}, "--repeats 0; expected 1 or more"),
        ({"methods": " ,"}, "--methods names none"),
        ({"methods": "sfd"}, "no method 'sfd'. Did you mean 'sft'?"),
        ({"json_": True, "markdown": True}, "bench got --json and --markdown; choose one"),
        ({"set_": ["train.epoch=1"]}, "unknown key 'train.epoch'"),
        ({"batch": "9"}, "--batch 9: product_review of"),
    ],
)
def test_wrong_options_are_named_before_a_model_is_loaded(
    reviews, backbone, monkeypatch, change, message
):
    monkeypatch.setattr(Plan, "build", None)
    monkeypatch.setattr(measure, "peak_memory", None)
    given = {
        "methods": "rag", "data": str(reviews), "backbone": str(backbone), "batch": "1",
        "tokens": "4", "repeats": 1,
    } | change  # fmt: skip
    shared = {name: given.pop(name) for name in ("data", "backbone", "set_") if name in given}
    with pytest.raises(UsageError) as caught:
        verb.bench(ModelOptions(**shared), **given)
    assert message in str(caught.value)


def test_sizes_are_taken_once_and_in_order():
    assert verb.counts("--batch", "8, 1,8") == [8, 1]
