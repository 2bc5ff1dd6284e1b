"""The scripts on decoding: quick runs, tables of one shape, options that are refused."""

import json
import sys

import pytest
import torch

from benchmarks import (
    adapters,
    cache,
    compiled,
    compiled_parts,
    decoding,
    number_types,
    peers,
    peers_parts,
    performance,
    step_profile,
    threads,
)  # fmt: skip
from flythinker import FlyThinkerLM
from harness.api.runs import Run
from harness.engine import CausalLM, generate
from harness.engine.kv_cache import GrowingLayer
from tests.support.agreement import PROMPTS
from tests.support.runs import go
from tests.support.tiny import tiny

SMALL = ["--models", "mini", "--batch", "2", "--tokens", "4", "--rounds", "2", "--markdown"]


def table(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_threads_compares_both_ways_with_one_model(capsys):
    threads.main([*SMALL, "--prompt", "12"])
    text = capsys.readouterr().out
    heads, _, *rows = table(text)
    assert heads == ["models", "step, ms", "÷ one after the other", "÷ one model",
                     "same tokens", "concurrent=None"]  # fmt: skip
    assert [row[0] for row in rows] == ["one model", "one after the other", "at once"]
    assert [row[5] for row in rows] == ["", "chosen", ""]  # mini on one thread
    assert [row[4] for row in rows] == ["–", "100.0 %", "100.0 %"]
    assert rows[1][2].startswith("1.00 [1.00, 1.00]")
    assert rows[0][3].startswith("1.00 [1.00, 1.00]")
    assert "float32, 1 thread; torch " in text
    assert "may use more than one thread (now 1)" in text


def test_threads_marks_what_none_chooses(monkeypatch, capsys):
    monkeypatch.setattr(
        FlyThinkerLM, "concurrent", property(lambda lm: lm.requested_concurrent is not False)
    )
    threads.main([*SMALL, "--prompt", "12"])
    assert [row[5] for row in table(capsys.readouterr().out)[2:]] == ["", "", "chosen"]


def test_cache_compares_ours_with_transformers(capsys):
    cache.main([*SMALL, "--prompt", "5,9"])
    heads, _, *rows = table(capsys.readouterr().out)
    assert heads[3:] == ["dynamic, ms", "blocks, ms", "blocks ÷ dynamic",
                         "same tokens"]  # fmt: skip
    assert [row[-1] for row in rows] == ["100.0 %"] * 2
    assert [row[:3] for row in rows] == [["mini", "2", "5"], ["mini", "2", "9"]]


def test_the_other_cache_is_transformers_own_and_writes_the_same():
    model = tiny()
    _, state = cache.DynamicLM(model).prefill(PROMPTS)
    assert not any(isinstance(layer, GrowingLayer) for layer in state.cache.layers)
    both = [generate(lm(model), PROMPTS, max_new_tokens=6) for lm in (cache.DynamicLM, CausalLM)]
    assert both[0] == both[1]


def test_tokens_that_differ_are_told():
    assert decoding.equal_tokens([[1, 2], [3, 4]], [[1, 2], [3, 5]]) == "75.0 %"


def test_sizes_are_those_of_the_backbones():
    with torch.device("meta"):
        count = sum(part.numel() for part in decoding.model("smollm2").parameters())
    assert count == 134_515_008  # huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--models", "large"], "--models large; expected some of mini, smollm2"),
        (["--batch", "0"], "--batch 0; expected whole numbers from 1"),
        (["--tokens", "1"], "--tokens 1 --rounds 5; expected from 2, from 1"),
        (["--prompt", "x"], "--prompt x; expected whole numbers"),
    ],
)
def test_wrong_options_are_named(given, message, capsys):
    with pytest.raises(SystemExit) as caught:
        cache.main(given)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_help_tells_what_is_measured(capsys):
    for script in (threads, cache):
        with pytest.raises(SystemExit):
            script.main(["--help"])
        assert "without prefill" in capsys.readouterr().out


def test_adapters_refuses_arms_that_it_does_not_have(capsys):
    with pytest.raises(SystemExit):
        adapters.main(["--arms", "sft;sft, qlora"])
    assert "sft; sft, lora; flythinker" in capsys.readouterr().err


@pytest.mark.slow
def test_adapters_holds_one_backbone_against_its_targets(tmp_path):
    small = ["--backbone", "mini", "--prompt", "8", "--response", "4", "--tokens", "3"]
    adapters.main([*small, "--rounds", "2", "--out", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["memory"].keys() == adapters.ARMS.keys() == found["times"]["decoding"].keys()
    assert found["targets"].keys() == {"memory of training", "memory of decoding", "decoding step"}
    shared, two = (found["memory"][arm]["training"] for arm in ("flythinker-shared", "flythinker"))
    assert shared["trained"] < shared["parameters"] < two["parameters"]


@pytest.fixture
def small_peers(monkeypatch, tmp_path):
    """benchmarks.peers with a tiny model and short rows; runs it and reads what it wrote."""
    monkeypatch.setattr(peers_parts, "model", lambda size, seed=0: tiny(seed=seed))
    monkeypatch.setitem(peers_parts.LENGTHS, "mini", (30, 20, 2, 1))
    monkeypatch.setattr(peers, "CONTEXTS", {"mini": (16,)})
    monkeypatch.setattr(peers, "BATCHES", {"mini": (2,)})
    small = {"context": (16, 64), "batch": (1, 2), "length": (3, 6), "examples": (1, 2)}
    monkeypatch.setattr(peers_parts, "GROWTHS", small)
    out = tmp_path / "peers.json"

    def call(*words):
        peers.main(["--models", "mini", "--seconds", "0", "--out", str(out), *words])
        return json.loads(out.read_text("utf-8"))

    return call


def test_peers_measures_each_part_once_and_makes_a_table(small_peers, capsys):
    parts = [small_peers("--only", name) for name in ("step", "prefill", "growth")][-1]
    step = parts["step, mini, float32, batch 2"]
    assert step["same tokens as generate"] == "100.0 %"
    assert step["rounds"] == 3
    assert set(step["ms"]) == {"transformers' generate", "sft", "flythinker"}
    assert {"processor", "threads", "load", "versions"} < set(step)
    assert parts["prefill, mini, float32, 16 tokens"]["FLOPs"] > 1.5
    assert parts["growth, mini, float32, context"]["exponent"] < 2
    capsys.readouterr()
    assert small_peers("--only", "step", "--markdown") == parts  # nothing is measured again
    rows = table(capsys.readouterr().out)
    assert "flythinker ÷ sft" in rows[2][1]
    assert [row[0] for row in rows[-4:]] == ["context", "batch", "length", "examples"]


def test_peers_asks_for_trl(small_peers, monkeypatch):
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(SystemExit, match="TRL is not installed; expected it, or --trl FOLDER"):
        small_peers("--only", "train")


@pytest.mark.slow
def test_peers_times_the_steps_of_trl_with_the_same_rows(small_peers):
    pytest.importorskip("trl")
    found = small_peers("--only", "train, mini, float32")["train, mini, float32"]
    assert {"TRL's SFTTrainer ÷ sft", "flythinker ÷ sft"} == set(found["quotients"])
    assert found["FLOPs"] > 1.5


def test_exponents_are_slopes():
    assert peers_parts.slope([1, 2, 4], [3, 6, 12]) == pytest.approx(1)
    assert peers_parts.slope([1, 2, 4], [1, 4, 16]) == pytest.approx(2)


def test_number_types_compares_likelihoods_texts_and_verdicts(
    made_once, tmp_path, reviews, backbone
):
    exact = made_once("rag")
    other = go(tmp_path, reviews, backbone, "rag", "model.dtype=bfloat16")
    plain = made_once("nonpers")
    runs = [Run(each.folder, each.record) for each in (exact, other, plain)]
    found = number_types.pair_figures(*runs[:2])
    assert 0 < found["nll"]["mean_gap"] <= found["nll"]["max_gap"] < 0.5
    assert found["texts"] == 8
    assert set(found["scores"]) == {"bleu", "rouge1"}
    verdicts = number_types.verdict_of([runs[0], runs[2]])
    assert verdicts["bleu"]["reason"].endswith("a verdict needs 20")
    assert number_types.pair_figures(runs[0], runs[0])["texts_that_differ"] == 0


def test_the_tables_of_the_page_are_those_of_the_figures():
    page = performance.PAGE.read_text("utf-8")
    assert performance.filled(page) == page


def test_the_shares_of_a_step_add_up(monkeypatch, capsys):
    monkeypatch.setattr(step_profile, "STEPS", 4)
    step_profile.main(
        ["--models", "mini", "--batch", "1", "--prompt", "12", "--threads", "1", "--markdown"]
    )
    rows = table(capsys.readouterr().out)
    assert [row[2] for row in rows[2:]] == ["flythinker", "sft"]
    assert all(98 <= sum(map(float, row[3:])) <= 102 for row in rows[2:])


def test_a_compiled_step_writes_the_tokens_of_the_lean_step(monkeypatch):
    monkeypatch.setattr(compiled_parts, "STEPS", {"mini": 8})
    monkeypatch.setattr(compiled_parts, "ROUNDS", 2)
    found = compiled_parts.decoding("mini", 2, compiled.SCRIPT)  # it needs no C++ compiler
    assert found["same tokens"]
    assert found["largest difference"] < 1e-4
    assert found["rounds"] == 2


def test_compiled_measures_only_what_is_missing(monkeypatch, tmp_path):
    part = {
        "ms": {"as it is": 3.0, "compiled": 2.0}, "compile": {"cpu_s": 5.0}, "load": [0.1, 0.2],
        "quotients": {"as it is ÷ compiled": {"median": 1.5, "low": 1.4, "high": 1.6}},
        "earned after": 5000, "largest difference": 2e-6,
    }  # fmt: skip
    asked = []
    monkeypatch.setattr(compiled, "in_process", lambda name, cache: asked.append(name) or part)
    words = ["--out", str(tmp_path / "compiled.json"), "--only", "training, mini"]
    for _ in range(2):
        compiled.main(words)
    assert len(asked) == 4  # two parts, each with and without what the first process compiled
    heads, _, *rows = table(compiled.table(json.loads((tmp_path / "compiled.json").read_text())))
    assert len(rows[0]) == len(heads)
    assert rows[0][3:7] == ["1.50 [1.40, 1.60]", "5", "5", "5,000 passes"]
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SystemExit, match=r"no C\+\+ compiler; expected g\+\+"):
        compiled.main(words)
