"""Sweeps by processes, Slurm and Ray: a worker killed in mid-run, texts as in the serial ones."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from harness.engine.checkpoint import PROGRESS, Progress, draft_folder
from harness.record import read_predictions, read_record, read_state
from harness.settings.sweep_file import SlurmSettings
from harness.sweeps.jobs import SweepJob

FILE = """\
methods = ["nonpers", "sft"]
seeds = [0, 1]

[data]
source = "{data}"

[model]
backbone = "{backbone}"

[budget]
profile = 80

[train]
lr = 1e-3
epochs = 80
checkpoint_minutes = 0.0005

[decode]
max_new_tokens = 12

[eval]
metrics = ["bleu", "rouge1"]
resamples = 100
floors = false
"""


@pytest.fixture
def written(tmp_path, reviews, backbone, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def go(more=""):
        path = tmp_path / "sweep.toml"
        text = FILE.replace("{data}", str(reviews)).replace("{backbone}", str(backbone))
        path.write_text(text + more)
        return path

    return go


@pytest.fixture
def killed(tmp_path):
    """Kills the process of the first run that has a checkpoint, or its worker on Ray; a list of its
    command, the run's folder and the steps in its checkpoint."""
    found, over = [], threading.Event()

    def kill(checkpoint):
        folder = checkpoint.parent
        holder = read_state(dict[str, str], folder.with_name(f".{folder.name}.json"), print)
        run = psutil.Process(int(holder["pid"]))
        worker = run.parent() if "ray::" in " ".join(run.parent().cmdline()) else run
        command = " ".join(worker.cmdline())
        worker.send_signal(signal.SIGKILL)
        time.sleep(1)  # its run dies with it; the next attempt needs seconds to begin
        places = draft_folder(checkpoint), checkpoint  # killed amid the exchange, it is the draft
        kept = [read_state(Progress, place / PROGRESS, print) for place in places]
        found.extend([command, folder, next(filter(None, kept)).log.curve])

    def watch():
        while not over.is_set() and not found:
            time.sleep(0.01)
            for checkpoint in (tmp_path / "out").glob("*/sft/*/checkpoint"):
                with suppress(TypeError, OSError, psutil.Error):  # it has just ended
                    kill(checkpoint)
                break

    thread = threading.Thread(target=watch)
    thread.start()
    yield found
    over.set()
    thread.join()


def texts(folder):
    """Method, seed and λ of a run → its texts and scores."""
    found = {}
    for path in sorted(folder.rglob("record.json")):
        record = read_record(path.parent)
        assert record.status == "complete"
        key = record.method, record.run_id
        outputs = {text.id: text.output for text in read_predictions(path.parent)}
        found[key] = outputs, {name: one.value for name, one in record.metrics.items()}
        if record.training is not None:
            found[key] += ([step.loss for step in record.training.curve],)
    return found


def check(call, tmp_path, path, killed, *words):
    """The sweep by an executor, with a worker killed, and serially: the same runs, texts, losses.

    Returns what the first printed.
    """
    code, out, err = call("sweep", path, "--out", tmp_path / "out", *words)
    assert code == 0, out + err
    assert killed, "nothing was killed in mid-run"
    # the run went on where it was: its first steps have the times of the first attempt
    _, folder, steps = killed
    before = [step.seconds for step in steps]
    curve = read_record(folder).training.curve
    assert 0 < len(before) < len(curve)
    assert [step.seconds for step in curve[: len(before)]] == before
    assert "3 of 3 runs done" in out
    code, serial, err = call("sweep", path, "--out", tmp_path / "serial")
    assert code == 0, serial + err
    assert texts(tmp_path / "out") == texts(tmp_path / "serial")
    words = [word for word in words if word != "--fresh"]
    code, again, _ = call("sweep", path, "--out", tmp_path / "out", *words)
    assert (code, "3 runs in" in again, "3 of them complete" in again) == (0, True, True)
    return out


@pytest.mark.slow
def test_processes_on_this_machine(call, tmp_path, written, killed):
    out = check(call, tmp_path, written(), killed, "--jobs", "2", "--fresh")
    assert "harness.sweeps.child" in killed[0]
    assert "ended by signal 9; started again (attempt 2)" in out


@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes(call, tmp_path, written, killed):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=HEAD)
    try:
        cluster.add_node(num_cpus=1)
        more = f'\n[ray]\naddress = "{cluster.address}"\n'
        check(call, tmp_path, written(more), killed, "--executor", "ray")
        assert "ray::" in killed[0]
    finally:
        cluster.shutdown()


HEAD = {"num_cpus": 1, "include_dashboard": False}
SBATCH = """#!/bin/sh
cp "$1" "{folder}/$(date +%N).sh"
echo "Submitted batch job 7"
"""


def test_a_slurm_job_asks_for_what_the_file_says(tmp_path, monkeypatch):
    """sbatch here is a script that keeps what it is given; no cluster is at hand."""
    pytest.importorskip("submitit")
    from harness.sweeps.slurm_jobs import SlurmJobs

    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH.replace("{folder}", str(folder))), ("srun", "")):
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    asked = SlurmSettings(
        partition="long", time=90, gpus=2, cpus=4, mem="32G", setup=("module load cuda",),
        more={"mail-type": "FAIL"},
    )  # fmt: skip
    jobs = SlurmJobs(tmp_path / "jobs", asked, at_once=None)
    jobs.submit(SweepJob("a", "sft", ("run",), tmp_path / "a.log", tmp_path), 0)
    text = next(folder.glob("*.sh")).read_text()
    for line in ("partition=long", "time=90", "gpus-per-node=2", "cpus-per-task=4", "mem=32G",
                 "mail-type=FAIL", "signal=USR2@90"):  # fmt: skip
        assert f"#SBATCH --{line}" in text, text
    assert "module load cuda" in text


def test_a_job_at_its_time_limit_saves_a_checkpoint_and_is_queued_again(tmp_path):
    """What submitit calls before the limit stops the run with SIGTERM and hands on the same job."""
    pytest.importorskip("submitit")
    from harness.sweeps.worker import Worker

    worker = Worker(SweepJob("a", "sft", (), tmp_path / "a.log", tmp_path))
    ended = []

    class Process:
        def terminate(self):
            ended.append(signal.SIGTERM)

        def poll(self):
            return 143

    worker.process = Process()
    queued = worker.checkpoint()
    assert ended == [signal.SIGTERM]
    assert queued.function.job == worker.job
    assert queued.function.process is None


def test_submitit_leaves_the_logging_of_the_process_alone():
    """Its import would otherwise close every handler, those of a notebook or of pytest too."""
    pytest.importorskip("submitit")
    words = (
        "import logging; mine = logging.StreamHandler();"
        "import harness.sweeps.slurm_jobs, submitit;"
        "assert mine in [known() for known in logging._handlerList]"
    )
    environment = {k: v for k, v in os.environ.items() if k != "SUBMITIT_LOG_LEVEL"}
    subprocess.run([sys.executable, "-c", words], check=True, env=environment)
