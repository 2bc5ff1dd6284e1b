"""The `harness` command as a process: killed at any time, without a network, by its name."""

import json
import multiprocessing
import os
import re
import shutil
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
FORKS.set_forkserver_preload(["harness.pipeline.single", "transformers", "flythinker.flythinker"])
"""Processes that are forked from one that has imported torch: they start in milliseconds."""
PATIENCE_S = 300


def alone(home):
    """An environment with one thread and its own caches."""
    return os.environ | {
        "OMP_NUM_THREADS": "1",
        "HF_HOME": str(home / "hf"),
        "HARNESS_CACHE": str(home / "cache"),
        "COLUMNS": "200",
    }


def harness(words, home):
    """Run the command in this process, with its output in a file."""
    os.environ.update(alone(home))
    torch.set_num_threads(1)  # torch was imported before the environment said so
    log = os.open(home / "log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["harness", *words]
    cli.main()


def start(words, home):
    process = FORKS.Process(target=harness, args=(words, home))
    process.start()
    return process


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


def test_a_run_killed_in_training_and_in_writing_ends_as_an_uninterrupted_one(
    tmp_path, reviews, backbone, monkeypatch, capsys
):
    def words(out):
        settings = [
            "train.lr=auto", "train.lr_grid=[1e-4,1e-3]", "train.lr_trial_epochs=1",
            "train.epochs=10", "train.batch_size=2", "train.checkpoint_minutes=1e-9",
            "budget.profile=80", "decode.batch_size=1", "decode.max_new_tokens=40",
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
    resumed = start(words(cut), tmp_path)
    resumed.join()
    assert resumed.exitcode == 0, (tmp_path / "log").read_text()

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


def without_network():
    """The command that starts another one without a network, or None where it is not permitted."""
    if shutil.which("unshare") is None:
        return None
    for words in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return None


BOTH = """
import json, sys
from harness.cli import main
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as ended:
        print("exit code", ended.code)
"""


def test_the_built_in_benchmark_needs_no_network(tmp_path):
    apart = without_network()
    if apart is None:
        pytest.skip("unshare --net is not permitted here")
    mini = [
        "run", "--method", "flythinker", "--limit", "2", "--train-limit", "4", "--out", "out",
        "--set", "data.val_limit=2", "--set", "decode.max_new_tokens=16",
        "--set", "eval.resamples=100", "--set", "eval.floors=false", "--set", "train.epochs=1",
    ]  # fmt: skip
    hub = ["run", "--method", "rag", "--data", "hub", "--out", "out"]
    done = subprocess.run(
        [*apart, sys.executable, "-c", BOTH, json.dumps([mini, hub])], cwd=tmp_path,
        env=alone(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.findall("exit code (.)", done.stdout) == ["0", "2"], done.stderr
    assert re.search(r"following +\d", done.stdout)
    (record,) = (tmp_path / "out").rglob("record.json")
    assert read_record(record).status == "complete"
    assert "hf download LongLaMP/LongLaMP" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_is_installed_by_its_name():
    command = Path(sys.executable).with_name("harness")
    if not command.is_file():
        pytest.skip("the package is not installed beside this Python")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "Train, run and evaluate methods that write like a given user" in done.stdout
