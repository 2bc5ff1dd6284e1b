"""harness run --dry-run: counts that a run then confirms, and the memory it needs."""

import re
import shutil

from harness.cli.dry_run import memory_bytes
from harness.engine.micro_batches import TrainRow
from harness.pipeline.plan import Plan
from harness.planning.costs import run_cost
from harness.planning.devices import Machine
from harness.planning.memory import CPU, Rows, peak_bytes
from harness.planning.shapes import shapes_of
from harness.record import read_record
from harness.settings import build_settings


def test_a_dry_run_says_what_would_run_and_writes_nothing(run, tmp_path):
    code, out, _ = run("flythinker", "--dry-run")
    assert code == 0
    for shown in ("6 examples, 6 users", "2 examples, 2 users", "8 examples, 4 users"):
        assert shown in out
    assert re.search(r"data +\S+, folder, user setting ", out)
    for shown in ("test prompts", "cut to budget", "8 prompts: ", "GiB", "1 step of 8 examples"):
        assert shown in out
    assert re.search(r"parameters .* (\S+) \(generator (\S+), reasoner \2\)", out)
    # the whole prompt as the model gets it, between the turns of its template
    assert "as the model gets it" in out
    assert "<|im_start|>user\n" in out
    assert "Generate the review text written by a reviewer" in out
    assert out.rstrip().endswith("<|im_end|>\n<|im_start|>assistant")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_checks_the_splits_that_its_method_does_not_read(call, tmp_path, reviews):
    data = tmp_path / "data"
    shutil.copytree(reviews / "product_review", data)
    with (data / "val.jsonl").open("a", encoding="utf-8") as file:
        file.write("not json\n")
    words = ["--task", "product_review", "--data", data, "--method", "rag", "--dry-run"]
    code, _, err = call("run", *words)
    assert code == 2
    assert "val.jsonl line" in err


def test_a_dry_run_counts_the_tokens_that_training_then_sees(run, tmp_path):
    _, out, _ = run("sft", "--dry-run", "--set", "train.epochs=1.5")
    steps, tokens = re.search(r"(\d+) steps of 8 examples, ([\d,]+) tokens", out).groups()
    run("sft", "--set", "train.epochs=1.5")
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    assert (training.steps, training.tokens) == (int(steps), int(tokens.replace(",", "")))


def test_a_dry_run_has_the_passes_that_the_method_takes(run, tmp_path):
    sets = ("--set", "train.epochs=3", "--set", "method.flops_of=flythinker")
    _, out, _ = run("sft", "--dry-run", *sets)
    steps, tokens = re.search(r"(\d+) steps of 8 examples, ([\d,]+) tokens", out).groups()
    run("sft", *sets)
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    assert training.epochs > 4
    assert (training.steps, training.tokens) == (int(steps), int(tokens.replace(",", "")))


def test_a_dry_run_and_a_plan_say_the_same_memory(reviews, backbone, tmp_path):
    sets = ["decode.batch_size=1", "decode.max_new_tokens=8"]  # training is the peak
    options = {"data": {"source": str(reviews)}, "model": {"backbone": str(backbone)}}
    chosen = build_settings("mini", sets, options)
    plan = Plan(chosen, "sft", tmp_path)
    lm = plan.build()
    longest = max(len(each.prompt) for each in plan.test_prompts)
    row = TrainRow("r", (1,) * 900, (2,) * 220)  # as long as the budgets allow
    cost = run_cost("sft", chosen, tmp_path, Machine("a CPU", 1e9, None, gpu=False))
    (shape,) = shapes_of("sft", chosen.model)
    found = memory_bytes(plan, lm, [row])
    assert found == peak_bytes([shape], chosen, CPU, Rows(longest, 1120))
    assert found == cost.memory
    assert memory_bytes(plan, lm, []) == peak_bytes([shape], chosen, CPU, Rows(longest, None))
