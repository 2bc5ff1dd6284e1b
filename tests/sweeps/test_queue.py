"""The queue of a sweep: its order, its retries, its end; with an executor that only pretends."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.sweeps import queue
from harness.sweeps.jobs import Ended, SweepJob
from harness.sweeps.logs import last_message, progress
from harness.sweeps.queue import Entry, run_queue, time_left


class Pretended:
    """Each submitted job ends at the next look, as `ends` says; the default is exit code 0."""

    def __init__(self, at_once=None, retries=0, ends=()):
        self.at_once, self.retries = at_once, retries
        self.ends = {name: iter(each) for name, each in dict(ends).items()}
        self.begun, self.slots, self.stopped = [], [], []

    def submit(self, job, slot):
        self.begun.append(job.name)
        self.slots.append(slot)
        executor = self

        class Handle:
            def ended(self):
                found = next(executor.ends.get(job.name, iter(())), Ended(0))
                if isinstance(found, BaseException):
                    raise found
                return found

            def stop(self):
                executor.stopped.append(job.name)

        return Handle()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(queue, "LOOK_S", 0)


def job(name, *needs, method="sft"):
    return SweepJob(name, method, (), Path("nowhere.log"), Path(), needs)


def run(executor, *jobs, **more):
    said = []
    entries = run_queue(jobs, executor, lambda entries, text: said.append(text), **more)
    return [entry.state for entry in entries], said


def test_a_job_waits_for_the_one_that_it_needs_and_for_a_free_place():
    executor = Pretended(at_once=2, ends={"a": [None, None, Ended(0)]})
    states, _ = run(executor, job("a"), job("b", 0), job("c"), job("d"))
    assert executor.begun == ["a", "c", "d", "b"]  # b has to wait for a, which takes two looks
    assert executor.slots == [0, 1, 1, 0]
    assert states == ["done"] * 4


def test_a_lost_job_is_started_again_as_often_as_the_executor_says():
    lost = Ended(None, "worker lost")
    executor = Pretended(retries=2, ends={"a": [lost, Ended(-9), Ended(0)], "b": [lost] * 5})
    states, said = run(executor, job("a"), job("b"))
    assert states == ["done", "failed"]
    assert executor.begun.count("a") == executor.begun.count("b") == 3
    assert "a: ended by signal 9; started again (attempt 3)" in said
    assert "b: failed: worker lost" in said


def test_an_error_of_the_command_is_not_tried_again_and_the_others_go_on():
    executor = Pretended(retries=2, ends={"a": [Ended(2)]})
    states, said = run(executor, job("a"), job("b", 0))
    assert (states, executor.begun) == (["failed", "done"], ["a", "b"])
    assert "a: failed: exit code 2" in said


def test_an_interruption_stops_the_running_jobs_and_waits_for_them():
    executor = Pretended(at_once=2, ends={"a": [KeyboardInterrupt(), None, Ended(143)]})
    said = []
    with pytest.raises(KeyboardInterrupt):
        run_queue([job("a"), job("b"), job("c")], executor, lambda entries, text: said.append(text))
    assert executor.stopped == ["a", "b"]
    assert "running jobs save checkpoints; a second signal stops at once" in said[-1]


def test_a_second_signal_does_not_wait_for_checkpoints():
    executor = Pretended(ends={"a": [KeyboardInterrupt(), None, KeyboardInterrupt("second")]})
    with pytest.raises(KeyboardInterrupt, match="second"):
        run(executor, job("a"))


def test_a_command_is_asked_for_when_the_job_may_begin():
    executor = Pretended(ends={"first": [None, Ended(0)]})

    def prepare(asked):
        if asked.name == "refused":
            raise UsageError("no choice yet")
        if asked.name == "known":
            return None
        return replace(asked, arguments=("run", *executor.begun))

    jobs = [job("last", 1, 2, 3), job("first"), job("refused"), job("known")]
    said = []
    entries = run_queue(jobs, executor, lambda entries, text: said.append(text), prepare)
    assert [entry.state for entry in entries] == ["done", "done", "failed", "done"]
    assert [entry.job.arguments for entry in entries[:2]] == [("run", "first"), ("run",)]
    assert {"refused: failed: no choice yet", "known: already done"} <= {*said}
    assert str(entries[2].ended) == "no choice yet"


def test_late_jobs_wait_and_those_at_work_end(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(queue.time, "monotonic", lambda: next(clock))
    executor = Pretended(at_once=1, ends={"a": [None] * 5 + [Ended(0)]})
    states, _ = run(executor, job("a"), job("b"), seconds=1)
    assert (states, executor.begun) == (["done", "waiting"], ["a"])


def test_the_time_left_comes_from_finished_jobs_of_the_method():
    entries = [Entry(job("a"), "done", seconds=10.0), Entry(job("b")), Entry(job("c"))]
    assert time_left(entries, 1) == 20
    assert time_left(entries, 2) == 10
    assert time_left([*entries, Entry(job("d", method="cot"))], 1) is None  # none has finished


def test_a_log_tells_the_last_step_and_the_error(tmp_path):
    log = tmp_path / "job.log"
    assert (progress(log), last_message(log)) == ("", "")
    log.write_text("sft on mini · 3/4 hours\ntraining 3/50 loss 2.3\nlr 0.001 4/9 loss 2\n")
    assert progress(log) == "lr 0.001 4/9"
    log.write_text(log.read_text() + "UsageError: no such data\n  mend  name it\n")
    assert last_message(log) == "UsageError: no such data"
