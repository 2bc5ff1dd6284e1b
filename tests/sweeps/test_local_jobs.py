"""Jobs on this machine: their share of it, and that none outlives its sweep."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.sweeps import local_jobs
from harness.sweeps.jobs import SweepJob
from harness.sweeps.local_jobs import LocalProcesses

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(1000)
"""
"""A plugin whose command does not end by itself, nor when it is asked to."""
SWEEP = """
import sys, time
from pathlib import Path
from harness.sweeps.jobs import SweepJob
from harness.sweeps.local_jobs import LocalProcesses
folder, *words = sys.argv[1:]
job = LocalProcesses(1).submit(
    SweepJob("a", "sft", tuple(words), Path(folder) / "a.log", Path.cwd()), 0
)
print(job._process.pid, flush=True)
time.sleep(1000)
"""


@pytest.fixture
def stubborn(tmp_path):
    plugin = tmp_path / "stubborn.py"
    plugin.write_text(STUBBORN)
    words = ("list", "methods", "--plugin", str(plugin))
    return SweepJob("a", "sft", words, tmp_path / "a.log", Path.cwd())


def wait_until(true):
    until = time.monotonic() + 60
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    assert true()


def at_work(job):
    wait_until(lambda: job.log.exists() and "ready" in job.log.read_text())


def test_a_job_ends_when_its_sweep_is_killed(tmp_path, stubborn):
    sweep = subprocess.Popen(
        [sys.executable, "-c", SWEEP, tmp_path, *stubborn.arguments],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    pid = int(sweep.stdout.readline())
    at_work(stubborn)
    sweep.kill()
    sweep.communicate()
    wait_until(lambda: not psutil.pid_exists(pid))


def test_a_job_whose_sweep_ended_before_it_began_ends_at_once():
    command = [sys.executable, "-m", "harness.sweeps.child", str(os.getpid() + 1), "--version"]
    done = subprocess.run(command, capture_output=True)
    assert (done.returncode, done.stdout) == (-9, b"")


def test_a_closed_executor_leaves_no_job_at_work(stubborn):
    executor = LocalProcesses(1)
    handle = executor.submit(stubborn, 0)
    at_work(stubborn)
    handle.stop()
    assert handle.ended() is None
    executor.close()
    assert str(handle.ended()) == "ended by signal 9"


def test_a_job_that_has_just_begun_can_be_stopped(tmp_path):
    words = ("list", "methods")
    executor = LocalProcesses(1)
    handle = executor.submit(SweepJob("a", "sft", words, tmp_path / "a.log", Path.cwd()), 0)
    handle.stop()
    wait_until(lambda: handle.ended() is not None)
    assert handle.ended().lost
    assert (tmp_path / "a.log").read_text() == ""
    handle.stop()  # has ended: nothing is signalled
    executor.close()


def test_gpus_are_taken_in_turn(monkeypatch):
    def shown(gpus, each, slot):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
        return LocalProcesses(2, each)._shown(slot).get("CUDA_VISIBLE_DEVICES")

    assert [shown("0,1,2,3", 1, slot) for slot in range(5)] == ["0", "1", "2", "3", "0"]
    assert [shown("0,1,2,3", 2, slot) for slot in range(3)] == ["0,1", "2,3", "0,1"]
    assert shown("5", 2, 1) == "5"
    assert shown("", 1, 0) is None


def test_jobs_share_the_cores_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(local_jobs, "available_cores", lambda: 12)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    shares = [LocalProcesses(*sizes)._threads() for sizes in ((3,), (3, 2), (99,))]
    assert [each["OMP_NUM_THREADS"] for each in shares] == ["4", "2", "1"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert LocalProcesses(3)._threads() == {}
