"""harness plan: what the runs of a file will cost."""

import json

import pytest

PAPER = """\
methods = ["rag", "sft", "flythinker"]
seeds = [0, 1]
preset = "paper"
[sweep]
eval.metrics = [["bleu"], ["bleu", "rouge1"]]
"""


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PAPER)
    return path


def test_a_plan_of_the_paper_reads_no_data(call, written):
    code, out, err = call("plan", written, "--device", "h100")
    assert code == 0, err
    assert "10 runs on NVIDIA H100 SXM 80 GB" in out
    assert "14,745" in out
    assert "times: arithmetic, not measured" in out
    assert "(too large)" in out  # two 3B models on one card
    assert "Try --processes N with --set train.sharding=full" in out


@pytest.mark.parametrize("rate", ["", '[train]\nlr = "auto"\nlr_trial_seed = 0\n'])
def test_json_has_every_run_and_training_that_is_shared_costs_once(call, written, rate):
    written.write_text(PAPER + rate)
    _, out, _ = call("plan", written, "--device", "h200", "--processes", "2", "--json")
    found = json.loads(out)
    assert (found["device"], found["processes"], len(found["runs"])) == (
        "NVIDIA H200 SXM 141 GB", 2, 10,
    )  # fmt: skip
    training = [run["seconds"]["training"] for run in found["runs"] if run["method"] == "sft"]
    assert sorted(seconds > 0 for seconds in training) == [False, False, True, True]


def test_a_plan_for_this_machine(call, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    path = tmp_path / "mini.toml"
    path.write_text('methods = "sft"\n')
    code, out, err = call("plan", path, "--out", tmp_path / "none")
    assert code == 0, err
    assert "1 run on this machine's CPU" in out
    assert "from usual rates of" in out


def test_runs_on_the_cpu_are_planned_for_it_on_a_machine_with_a_gpu(call, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    path = tmp_path / "mini.toml"
    path.write_text('methods = "sft"\n')
    code, out, err = call("plan", path, "--out", tmp_path / "none", "--set", "model.device=cpu")
    assert code == 0, err
    assert "1 run on this machine's CPU" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "h1000"), "--device h1000: no such device. Did you mean 'h100'?"),
        (("--processes", "0"), "--processes 0; expected a whole number from 1"),
        (("--backbone", "no/model"), "model no/model: found no config.json; expected one in"),
    ],
)
def test_what_cannot_be_planned_is_refused(call, written, words, message):
    code, _, err = call("plan", written, *words)
    assert (code, message in err) == (2, True), err


def test_a_plan_names_a_reasoner_that_a_method_does_not_take(call, written):
    written.write_text(PAPER + '[model]\nreasoner = "Qwen/Qwen2.5-0.5B-Instruct"\n')
    code, out, err = call("plan", written, "--device", "h100")
    assert code == 0, err
    for name in ("rag", "sft"):
        assert out.count(f"{name} takes no reasoner, so it changes nothing") == 1
    assert "flythinker takes" not in out
