"""The study's queue: order, failures, what is left, signals, and real processes."""

import os
import signal

import pytest

from benchmarks import real_text_queue
from benchmarks.real_text_queue import Job, run_all
from harness.sweeps.jobs import Ended


class Pretended:
    """Each job ends at once with the code in its argument, or sends the signal that is named."""

    def __init__(self, at_once):
        self.at_once, self.retries, self.begun = at_once, 0, []

    def submit(self, job, slot):
        self.begun.append(job.name)
        (word,) = job.arguments

        class Handle:
            stopped = False

            def ended(self):
                if word == "SIGTERM" and not self.stopped:
                    os.kill(os.getpid(), signal.SIGTERM)
                return Ended(-signal.SIGTERM if self.stopped else int(word))

            def stop(self):
                self.stopped = True

        return Handle()

    def close(self):
        pass


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(real_text_queue, "LocalProcesses", Pretended)


def job(name, word, *needs):
    return Job(name, lambda: [word], frozenset(needs))


def test_a_failure_is_told_and_the_others_go_on(pretended, tmp_path, capsys):
    jobs = [job("last", "0", "wrong, seed 1", "not asked for"), job("wrong, seed 1", "3")]
    (tmp_path / "wrong-seed-1.log").write_text("of an earlier time\n")
    assert run_all(jobs, 2, tmp_path) == 1
    shown = capsys.readouterr()
    assert shown.err == "failed: 1\n  wrong, seed 1: exit code 3\n"
    assert shown.out.index("wrong, seed 1: failed") < shown.out.index("last: ")


def test_what_is_left_after_the_seconds_is_named(pretended, tmp_path, capsys):
    assert run_all([job("first", "0"), job("second", "0")], 1, tmp_path, seconds=-1) == 0
    assert "left: 2; the same command goes on\n  first\n  second" in capsys.readouterr().out


@pytest.fixture
def usual_signals():
    """SIGTERM as a new process has it; Ray, for one, sets a handler."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_signal_stops_what_runs(pretended, usual_signals, tmp_path, capsys):
    assert run_all([job("first", "SIGTERM"), job("second", "0")], 1, tmp_path) == 143
    shown = capsys.readouterr()
    assert "stopping: running jobs save checkpoints" in shown.out
    assert shown.err == "stopped; the same command goes on\n"


def test_commands_are_run(tmp_path, capsys):
    assert run_all([job("version", "--version"), job("no verb", "rum")], 2, tmp_path) == 1
    assert (tmp_path / "version.log").read_text().startswith("harness ")
    assert capsys.readouterr().err.startswith("failed: 1\n  no verb: Error: No such command 'rum'")
