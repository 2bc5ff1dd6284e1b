"""harness run --dry-run: counts that a run then confirms, and the memory it needs."""

import re

from harness.pipeline.plan import Plan
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


def test_a_dry_run_counts_the_tokens_that_training_then_sees(run, tmp_path):
    _, out, _ = run("sft", "--dry-run", "--set", "train.epochs=1.5")
    steps, tokens = re.search(r"(\d+) steps of 8 examples, ([\d,]+) tokens", out).groups()
    run("sft", "--set", "train.epochs=1.5")
    training = read_record(next((tmp_path / "out").rglob("record.json"))).training
    assert (training.steps, training.tokens) == (int(steps), int(tokens.replace(",", "")))


def test_the_memory_estimate_is_that_of_a_sum_by_hand(reviews, backbone, tmp_path):
    from harness.cli.dry_run import PROCESS, memory_bytes
    from harness.engine import CausalLM
    from harness.engine.backbone import load_model
    from harness.engine.micro_batches import TrainRow

    options = {"data": {"source": str(reviews)}, "model": {"backbone": str(backbone)}}
    chosen = build_settings("mini", ["decode.batch_size=4", "train.lr=1e-3"], options)
    plan = Plan(chosen, "rag", tmp_path)
    lm = CausalLM(load_model(str(backbone), chosen.model))
    weights = 4 * sum(part.numel() for part in lm.parameters())
    longest = max(len(reading.prompt) for reading in plan.test_prompts)
    # width 32, inner 48: 4·(8·32 + 5·48) = 1984 bytes a layer and token; keys and values of 2
    # layers, 2 heads of 8: 4·2·2·2·8 = 256 bytes a token; cap 512
    generation = 4 * longest * 1984 + 4 * (longest + 512) * 256
    assert memory_bytes(plan, lm, []) == PROCESS + weights + generation
    # 4096 tokens in 2 layers; 100 answers of the one row, 300 words, three times
    row = TrainRow("r", (1,) * 8092, (2,) * 100)
    training = 8192 * 2 * 1984 + 3 * 4 * 100 * len(plan.backbones.tokenizer)
    assert memory_bytes(plan, lm, [row]) == PROCESS + 4 * weights + training
