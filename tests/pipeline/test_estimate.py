"""How long runs will take: from earlier runs on this machine, else from usual rates."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.data.sizes import sizes_of
from harness.inputs.model_size import parameters_of
from harness.inputs.provenance import processor
from harness.pipeline import estimate as module
from harness.pipeline.estimate import Rates, estimate, run_seconds
from harness.record import read_record, write_record
from harness.settings import build_settings
from tests.support.synthetic import made_up, write_runs

NO_VIEWS = ["eval.likelihood=false", "eval.relative=false", "eval.authors=false"]


def mini(*assignments):
    return build_settings("mini", [*NO_VIEWS, *assignments])


def test_the_seconds_are_those_of_a_sum_by_hand():
    # 100 texts of 500 tokens at 1,000/s: 50 s; scoring 100 × 0.06 = 6 s
    rates = Rates(train=2_000, generate=1_000, row=1_000, text=500)
    assert run_seconds("rag", mini(), rates) == pytest.approx(56)
    # and 200 × 4 passes × 1,000 tokens at 2,000/s: 400 s; loss on val 40 × 0.35 × 0.5 = 7 s
    assert run_seconds("sft", mini(), rates) == pytest.approx(463)
    # CoT's 240 analyses of 60 tokens at 1,000/s: 14.4 s
    assert run_seconds("cot", mini(), rates) == pytest.approx(477.4)
    # a search of three rates with 4 passes each: 200 × 8 × 0.5 = 800 s more, as the best is kept,
    # and the loss on val of each trial: 3 × 7 = 21 s
    assert run_seconds("sft", mini("train.lr=auto"), rates) == pytest.approx(1284)
    # and of three with one pass each: 200 × 3 × 0.5 = 300 s more, and 21 s
    short = mini("train.lr=auto", "train.lr_trial_epochs=1")
    assert run_seconds("sft", short, rates) == pytest.approx(784)
    # 2.52 examples of 200 are three, and 0.2 of one are one: 1.5 s and 3 × 0.5 s; val 4 × 7 s
    part = mini("train.lr=auto", "train.epochs=0.0126", "train.lr_trial_epochs=0.001")
    assert run_seconds("sft", part, rates) == pytest.approx(56 + 1.5 + 1.5 + 28)
    # lift in texts: the texts of 9 further profiles
    assert run_seconds("rag", mini('eval.lift=["texts"]'), rates) == pytest.approx(506)
    # four kinds of thoughts besides the model's own, each 50 s of texts, 100 × 1,000 tokens read at
    # a forward pass's 0.35: 17.5 s, and the same for every method that has thoughts
    for method in ("flythinker", "flythinker-shared"):
        assert run_seconds(method, mini("eval.controls=all"), rates) == pytest.approx(463 + 270)
    # limits
    assert run_seconds("rag", mini("data.limit=10"), rates) == pytest.approx(5.6)


def test_earlier_runs_of_the_model_on_this_machine_count(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_has_gpu", lambda _: False)
    settings = mini("data.limit=10")
    assert "from usual rates of" in estimate([("rag", settings)], tmp_path).basis
    (folder,) = write_runs(tmp_path, ["rag"], ["product_review"], [0])
    record = read_record(folder)
    device = replace(record.device, processor=processor(), cores=module.os.cpu_count())
    model = {**record.settings, "model": settings.model.model_dump(mode="json")}
    inference = replace(record.inference, tokens_per_s=100.0, visible_tokens=0)
    write_record(replace(record, device=device, settings=model, inference=inference), folder)
    found = estimate([("rag", settings)], tmp_path)
    # 12 s to start, 10 texts of 512 tokens at 100/s, scoring 0.6 s
    assert found.seconds == pytest.approx(12 + 51.2 + 0.6)
    assert found.shown == "about 60 s (from the speed of 1 earlier run here)"
    elsewhere = replace(device, processor="another")
    write_record(replace(record, device=elsewhere, settings=model), folder)
    assert "from usual rates of" in estimate([("rag", settings)], tmp_path).basis


def test_the_speed_of_a_training_on_another_machine_does_not_count():
    record = made_up("product_review", "sft")
    assert module.measured_rates(record, "sft").train == 4000
    training = replace(record.training, machine=record.device)
    assert module.measured_rates(replace(record, training=training), "sft") is None


def test_the_tokens_of_an_example_are_those_of_the_examples_that_were_taken():
    record = made_up("product_review", "sft")
    training = replace(record.training, tokens=300, examples=5, epochs=0.5)
    assert module.measured_rates(replace(record, training=training), "sft").row == 150  # of two


def test_what_is_not_known_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_has_gpu", lambda _: False)
    hub = build_settings("mini", [], {"data": {"source": "hub", "setting": "temporal"}})
    assert estimate([("sft", hub)], tmp_path).shown == (
        "no estimate of the time: the number of examples is known only after the data are read"
    )
    unknown = build_settings("mini", ["model.backbone=some/model"])
    assert "the size of some/model is not known" in estimate([("rag", unknown)], tmp_path).shown
    monkeypatch.setattr(module, "_has_gpu", lambda _: True)
    assert "no earlier run on this GPU" in estimate([("rag", mini())], tmp_path).shown


def test_a_smaller_reasoner_takes_less_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_has_gpu", lambda _: False)

    def rates(method, reasoner):
        models = ["model.backbone=Qwen2.5-3B", f"model.reasoner={reasoner}"]
        return module.rates_for(method, build_settings("mini", models), tmp_path)[0]

    equal, small = rates("flythinker", "Qwen2.5-3B"), rates("flythinker", "Qwen2.5-1B")
    assert small.train == pytest.approx(1.5 * equal.train)  # 3 + 3 for 3 + 1
    assert small.generate == pytest.approx(1.5 * equal.generate)
    assert rates("sft", "Qwen2.5-1B") == rates("sft", "Qwen2.5-3B")
    unknown = build_settings("mini", ["model.backbone=Qwen2.5-3B", "model.reasoner=some/model"])
    assert module.rates_for("flythinker", unknown, tmp_path)[1] == (
        "the size of some/model is not known yet"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (3, "5 s"),
        (52, "50 s"),
        (600, "10 min"),
        (9000, "2.5 h"),
        (90_000, "25 h"),
        (5e6, "1,389 h"),
    ],
)
def test_times_have_no_false_precision(seconds, shown):
    assert module.rough(seconds) == shown


def test_sizes_are_counted_without_loading_examples(tmp_path, monkeypatch):
    (tmp_path / "test.jsonl").write_text("{}\n{}\n{}")
    (tmp_path / "train.jsonl").write_text("x\n" * 50)
    settings = build_settings("mini", [], {"data": {"source": str(tmp_path), "limit": 2}})
    assert sizes_of(settings) == {"train": 50, "val": None, "test": 2}
    monkeypatch.setattr("harness.data.sizes.SAMPLE", 10)
    assert sizes_of(settings)["train"] == 50  # from the first 10 bytes
    assert sizes_of(mini("data.train_limit=9")) == {"train": 9, "val": 40, "test": 100}


def test_blank_lines_are_no_examples(tmp_path):
    (tmp_path / "test.jsonl").write_text("\n{}\n \n{}\n\n")
    assert sizes_of(build_settings("mini", [], {"data": {"source": str(tmp_path)}}))["test"] == 2


def test_parameters_from_files_and_from_names(tmp_path):
    header = {"__metadata__": {}, "a": {"dtype": "F32", "shape": [3, 4]}, "b": {"shape": [5]}}
    body = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(len(body).to_bytes(8, "little") + body)
    assert parameters_of(str(tmp_path)) == 17
    assert parameters_of("Qwen/Qwen2.5-0.5B-Instruct") == 0.5e9
    assert parameters_of("HuggingFaceTB/SmolLM2-135M") == 135e6
    assert parameters_of("some/model") is None
    (tmp_path / "model.safetensors").write_bytes(b"no")
    assert parameters_of(str(tmp_path)) is None


def test_the_first_line_needs_no_torch():
    code = (
        "import sys; from pathlib import Path; from harness.cli.run import _print_start;"
        "from harness.cli.requests import requested; from harness.cli.options import RunOptions;"
        "from harness.cli.screen import screen;"
        "_print_start(screen(), requested('sft', RunOptions(), 0, None, None, None)[0], Path('x'));"
        "print([m for m in ('torch', 'transformers', 'numpy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, last = done.stdout.splitlines()
    assert first.startswith("sft on product_review · mini · ")
    assert last == "[]"
