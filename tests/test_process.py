"""The `harness` command as a process: killed at any time, without a network, by its name."""

import ctypes
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness import cli
from harness.record import read_record
from tests.support.runs import without_times

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([
    "datasets", "transformers", "sklearn.feature_extraction.text", "rouge_score.rouge_scorer",
    "harness.pipeline.single", "flythinker.flythinker",
])  # fmt: skip
"""Processes that are forked from one that has imported torch: they start in milliseconds."""
PATIENCE_S = 300
NO_NAMESPACE = 77
"""Exit code of a process that may not leave the network."""
CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000


@pytest.fixture(scope="module", autouse=True)
def own_caches(tmp_path_factory):
    """The processes' environment: one thread, and caches in which nothing is."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("HF_HOME", str(home / "hf"))
        patch.setenv("HARNESS_CACHE", str(home / "cache"))
        patch.setenv("COLUMNS", "200")
        yield


def without_network():
    """Leave the network for good; False where that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    ways = (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET)  # the first is for root
    return hasattr(libc, "unshare") and any(libc.unshare(flags) == 0 for flags in ways)


def harness(words, home, network):
    """Run the command in this process, with its output in a file."""
    if not network and not without_network():
        sys.exit(NO_NAMESPACE)
    torch.set_num_threads(1)
    log = os.open(home / "log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["harness", *words]
    cli.main()


def start(words, home, network=True):
    process = FORKS.Process(target=harness, args=(words, home, network))
    process.start()
    return process


def ended(process, home):
    """The exit code of a process, and all that it showed."""
    process.join()
    log = home / "log"
    return process.exitcode, log.read_text() if log.is_file() else ""


def kill_when(words, ready, home):
    """Start the command and `kill -9` it as soon as `ready()`. It must not have ended before."""
    process = start(words, home)
    patience = time.monotonic() + PATIENCE_S
    while process.is_alive() and not ready() and time.monotonic() < patience:
        time.sleep(0.001)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, (home / "log").read_text()


def lines(path):
    return path.read_text().count("\n") if path.is_file() else 0


@pytest.mark.slow
def test_a_run_killed_in_training_and_in_writing_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch, capsys
):
    def words(out):
        settings = [
            "train.lr=auto", "train.lr_grid=[1e-4,1e-3]", "train.lr_trial_epochs=1",
            "train.epochs=5", "train.batch_size=2", "train.checkpoint_minutes=1e-9",
            "budget.profile=80", "decode.batch_size=1", "decode.max_new_tokens=24",
            "decode.temperature=0.8", "eval.resamples=100", "eval.floors=false",
            'eval.metrics=["bleu","rouge1"]',
        ]  # fmt: skip
        sets = [word for setting in settings for word in ("--set", setting)]
        given = ["--data", str(reviews), "--backbone", str(backbone), "--out", str(out), *sets]
        return ["run", "--method", "flythinker", *given]

    def folder(out):
        found = list(out.glob("product_review/flythinker/s0-*"))
        return found[0] if found else out / "nothing yet"

    cut = tmp_path / "cut"
    trained = "checkpoint/progress.json"
    kill_when(words(cut), lambda: (folder(cut) / trained).exists(), tmp_path)
    assert read_record(folder(cut)).status == "running"
    assert not (folder(cut) / "training.json").exists()
    kill_when(words(cut), lambda: lines(folder(cut) / "predictions.jsonl") > 0, tmp_path)
    assert read_record(folder(cut)).status == "running"
    assert 0 < lines(folder(cut) / "predictions.jsonl") < 8
    code, shown = ended(start(words(cut), tmp_path), tmp_path)
    assert code == 0, shown

    monkeypatch.setattr("sys.argv", ["harness", *words(tmp_path / "whole")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    found, known = (
        without_times(json.loads((folder(out) / "record.json").read_text()))
        for out in (cut, tmp_path / "whole")
    )
    assert found.pop("command") != known.pop("command")  # they name two folders
    assert found == known
    outs = (cut, tmp_path / "whole")
    texts = [(folder(out) / "predictions.jsonl").read_bytes() for out in outs]
    assert texts[0] == texts[1]
    # tensors, not bytes: safetensors writes the header's metadata in an order of its own
    weights = [load_file(folder(out) / "model.safetensors") for out in outs]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    left = {path.name for path in folder(cut).iterdir()}
    assert left == {path.name for path in folder(tmp_path / "whole").iterdir()}


@pytest.mark.slow
def test_the_built_in_benchmark_needs_no_network(tmp_path):
    out = str(tmp_path / "out")
    mini = [
        "run", "--method", "flythinker", "--limit", "2", "--train-limit", "4", "--out", out,
        "--set", "data.val_limit=2", "--set", "decode.max_new_tokens=16",
        "--set", "eval.resamples=100", "--set", "eval.floors=false", "--set", "train.epochs=1",
    ]  # fmt: skip
    code, shown = ended(start(mini, tmp_path, network=False), tmp_path)
    if code == NO_NAMESPACE:
        pytest.skip("a network namespace of one's own is not permitted here")
    assert code == 0, shown
    assert re.search(r"following +\d", shown)
    assert re.search(r"meteor +\d", shown)
    (record,) = (tmp_path / "out").rglob("record.json")
    assert read_record(record).status == "complete"


@pytest.mark.slow
def test_data_of_the_hub_without_a_network_end_in_one_message(tmp_path):
    hub = ["run", "--method", "rag", "--data", "hub", "--out", str(tmp_path / "out")]
    code, shown = ended(start(hub, tmp_path, network=False), tmp_path)
    if code == NO_NAMESPACE:
        pytest.skip("a network namespace of one's own is not permitted here")
    assert code == 2
    assert "hf download LongLaMP/LongLaMP" in shown
    assert "Traceback" not in shown


def test_the_command_is_installed_by_its_name():
    command = Path(sys.executable).with_name("harness")
    if not command.is_file():
        pytest.skip("the package is not installed beside this Python")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "Train, run and evaluate methods that write like a given user" in done.stdout
